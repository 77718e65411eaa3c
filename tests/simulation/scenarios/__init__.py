"""One module per scenario, with its checkers and ablations; `tests.simulation.load` finds them."""
