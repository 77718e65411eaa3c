"""Healing alone, with nothing between the seed and its effects: runners, locks, machines, people, on one store.

No engine decides here. Plans come from the seed, so that there are many at once, for the same targets, carried out by holders
that pause, die and wake late. What converges, tells and recovers is the service's own scenario.
"""
