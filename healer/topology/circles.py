"""Which nodes depend on one another in a circle? Pure; asked by the index, for the nodes that alerts make it look at."""

from collections.abc import Callable, Sequence

ALONE: frozenset[int] = frozenset()


def find_circles(start: int, parents: Callable[[int], Sequence[int]], known: dict[int, frozenset[int]]) -> None:
    """Find the strongly connected components of a node and of all above it, and put them into `known`, by node.

    Tarjan's algorithm without recursion, over the way up only: its cost is that of a walk, whatever the size of the graph.
    A node that is in no circle has the empty set. What is known already is not looked at again.
    """
    lowest: dict[int, int] = {start: 0}
    order: dict[int, int] = {start: 0}
    stack, work = [start], [(start, iter(parents(start)))]
    while work:
        node, above = work[-1]
        for parent in above:
            if parent in known:
                continue
            if parent not in order:
                order[parent] = lowest[parent] = len(order)
                stack.append(parent)
                work.append((parent, iter(parents(parent))))
                break
            lowest[node] = min(lowest[node], order[parent])
        else:
            work.pop()
            if work:
                below = work[-1][0]
                lowest[below] = min(lowest[below], lowest[node])
            if lowest[node] == order[node]:
                part = stack[stack.index(node) :] if stack[-1] != node else [node]
                del stack[len(stack) - len(part) :]
                known.update(dict.fromkeys(part, frozenset(part) if len(part) > 1 else ALONE))
