"""Orders to machines whose agents dial in: healer's side and the agent's own, each as it is, with a bad network between them.

Nothing decides what is to be done: orders come from the seed, so many at once that they wait for an agent's three places. What
is replaced is what both sides have at their edges: the wire, the agent's disk, the wrapper, the processes themselves, and time.
"""
