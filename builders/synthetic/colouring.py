"""Exact graph colouring for small graphs, and the reasoning that shows a colouring is the smallest.

A graph is an adjacency list of bit masks: bit `w` of `adjacent[u]` is set where u and w are joined. Vertices are taken
in DSATUR order (Brélaz 1979): next is the one with the fewest colours left, then the one with the most neighbours.

The proof that c colours are needed is a clique of c vertices where there is one; otherwise c - 1 colours are tried to
the end, from a largest clique whose colours may be named without loss of generality.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .wording import series

COLOURS = "abcdefghijklmnopqrstuvwxyz"


class Step(NamedTuple):
    """Vertex `vertex` takes colour `colour` out of `options`; those before it in `options` lead nowhere.

    `seen` is a coloured neighbour for each colour that is not an option; `new` says that no vertex had the colour yet.
    """

    vertex: int
    colour: int
    options: tuple[int, ...]
    seen: tuple[int, ...]
    new: bool


def adjacency(vertices: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """The bit masks of a graph's edges."""
    adjacent = [0] * vertices
    for u, w in edges:
        adjacent[u] |= 1 << w
        adjacent[w] |= 1 << u
    return adjacent


def connected(adjacent: Sequence[int]) -> bool:
    """Can every vertex be reached from vertex 0?"""
    reached, border = 1, 1
    while border:
        vertex = (border & -border).bit_length() - 1
        fresh = adjacent[vertex] & ~reached
        reached |= fresh
        border = border & (border - 1) | fresh
    return reached == (1 << len(adjacent)) - 1


def largest_clique(adjacent: Sequence[int]) -> tuple[int, ...]:
    """A largest set of vertices that are all joined; the first in lexicographic order."""
    best: tuple[int, ...] = ()

    def grow(chosen: tuple[int, ...], candidates: int) -> None:
        nonlocal best
        if len(chosen) > len(best):
            best = chosen
        while candidates and len(chosen) + candidates.bit_count() > len(best):
            vertex = (candidates & -candidates).bit_length() - 1
            candidates &= candidates - 1
            grow((*chosen, vertex), candidates & adjacent[vertex])

    grow((), (1 << len(adjacent)) - 1)
    return best


def colour(adjacent: Sequence[int], colours: int, start: Sequence[int] = ()) -> list[Step] | None:
    """A proper colouring with at most `colours` colours, as the steps after `start`; None where there is none.

    `start` is a clique whose vertices take the colours 0, 1, 2, …
    """
    taken = _start(adjacent, start)
    if len(start) > colours:
        return None
    steps: list[Step] = []

    def extend(used: int) -> bool:
        choice = _next_vertex(adjacent, taken, colours)
        if choice is None:
            return True
        vertex, free = choice
        options = _options(free, used, colours)
        for option in options:
            steps.append(Step(vertex, option, options, _seen(adjacent, taken, vertex, options), option >= used))
            taken[vertex] = option
            if extend(max(used, option + 1)):
                return True
            steps.pop()
        taken[vertex] = None
        return False

    return steps if extend(len(start)) else None


def chromatic_number(adjacent: Sequence[int]) -> int:
    """The smallest number of colours of a proper colouring, by exact search."""
    clique = largest_clique(adjacent)
    colours = len(clique)
    while colour(adjacent, colours, clique) is None:
        colours += 1
    return colours


def explain(adjacent: Sequence[int], colours: int) -> tuple[list[int], str]:
    """A proper colouring, and the reasoning to it, a paragraph a line.

    `colours` must be the chromatic number; ValueError where it is not.
    """
    clique = largest_clique(adjacent)
    steps = colour(adjacent, colours, clique)
    if steps is None:
        raise ValueError(f"{colours} colours are fewer than the chromatic number")
    if len(clique) == colours:
        bound = [f"{_joined(clique)}, so at least {_count(colours)} needed."]
    else:
        bound = [
            f"Could {_count(colours - 1, 'be')} enough?",
            *_refute(adjacent, colours - 1, clique),
            f"So {colours - 1} are not enough and at least {_count(colours)} needed.",
        ]
    taken = _start(adjacent, clique)
    told = [f"Now try {colours}: give {_assigned(clique)}."]
    for step in steps:
        told.append(_step(step, taken))
        taken[step.vertex] = step.colour
    result = [colour for colour in taken if colour is not None]
    ending = f"Every vertex has a colour, so {_count(colours)} enough and the chromatic number is {colours}."
    return result, "\n".join((" ".join(bound), " ".join(told), ending))


def _start(adjacent: Sequence[int], clique: Sequence[int]) -> list[int | None]:
    taken: list[int | None] = [None] * len(adjacent)
    for colour, vertex in enumerate(clique):
        taken[vertex] = colour
    return taken


def _next_vertex(adjacent: Sequence[int], taken: Sequence[int | None], colours: int) -> tuple[int, int] | None:
    """The uncoloured vertex with the fewest free colours, and those colours as a bit mask."""
    best, best_rank = None, (colours + 1, 0)
    for vertex, own in enumerate(taken):
        if own is not None:
            continue
        free = (1 << colours) - 1
        neighbours = adjacent[vertex]
        while neighbours:
            theirs = taken[(neighbours & -neighbours).bit_length() - 1]
            neighbours &= neighbours - 1
            if theirs is not None:
                free &= ~(1 << theirs)
        rank = (free.bit_count(), -adjacent[vertex].bit_count())
        if rank < best_rank:
            best, best_rank = (vertex, free), rank
    return best


def _options(free: int, used: int, colours: int) -> tuple[int, ...]:
    """The free colours, at most one of them new: new colours differ in name only."""
    return tuple(colour for colour in range(min(used + 1, colours)) if free >> colour & 1)


def _seen(adjacent: Sequence[int], taken: Sequence[int | None], vertex: int, options: Sequence[int]) -> tuple[int, ...]:
    first: dict[int, int] = {}
    for other, colour in enumerate(taken):
        if colour is not None and adjacent[vertex] >> other & 1 and colour not in options:
            first.setdefault(colour, other)
    return tuple(first[colour] for colour in sorted(first))


def _refute(adjacent: Sequence[int], colours: int, clique: Sequence[int]) -> list[str]:
    """The sentences that show no colouring with `colours` colours exists, starting from a clique."""
    taken = _start(adjacent, clique)

    def follow(used: int) -> list[str]:
        choice = _next_vertex(adjacent, taken, colours)
        if choice is None:
            raise ValueError(f"{colours} colours are enough")
        vertex, free = choice
        options = _options(free, used, colours)
        seen = _seen(adjacent, taken, vertex, options)
        told = []
        if not options:
            told.append(f"Vertex {vertex} is next to {_coloured(seen, taken)}, so no colour is left for it.")
        elif len(options) > 1:
            told.append(f"Vertex {vertex}{_beside(seen, taken)} could be {_either(options)}.")
        for option in options:
            if len(options) > 1:
                told.append(f"Suppose {vertex} is {COLOURS[option]}.")
            else:
                told.append(_step(Step(vertex, option, options, seen, option >= used), taken))
            taken[vertex] = option
            told += follow(max(used, option + 1))
            taken[vertex] = None
        return told

    return [f"{_joined(clique)}, so let {_assigned(clique, 'be')}.", *follow(len(clique))]


def _step(step: Step, taken: Sequence[int | None]) -> str:
    name = COLOURS[step.colour]
    if len(step.options) == 1 and step.seen:
        so = f"it needs a new colour, {name}" if step.new else f"it is {name}"
        return f"Vertex {step.vertex} is next to {_coloured(step.seen, taken)}, so {so}."
    failed = step.options[: step.options.index(step.colour)]
    why = f"; with {_either(failed)} the rest cannot be coloured, so it is {name}" if failed else f", say {name}"
    return f"Vertex {step.vertex}{_beside(step.seen, taken)} can be {_either(step.options)}{why}."


def _joined(clique: Sequence[int]) -> str:
    if len(clique) == 1:
        return f"Vertex {clique[0]} stands alone"
    if len(clique) == 2:
        return f"Vertices {clique[0]} and {clique[1]} are joined"
    return f"Vertices {series(clique)} are all joined to each other"


def _assigned(clique: Sequence[int], verb: str = "") -> str:
    """`0 the colour a and 1 the colour b`, or with `be`: `0 be a and 1 be b`."""
    between = f" {verb} " if verb else " the colour "
    return series(f"{vertex}{between}{COLOURS[at]}" for at, vertex in enumerate(clique))


def _coloured(vertices: Sequence[int], taken: Sequence[int | None]) -> str:
    return series(f"{vertex} ({COLOURS[own]})" for vertex in vertices if (own := taken[vertex]) is not None)


def _beside(seen: Sequence[int], taken: Sequence[int | None]) -> str:
    return f", next to {_coloured(seen, taken)}," if seen else ""


def _count(colours: int, verb: str = "are") -> str:
    plural = "colour" if colours == 1 else "colours"
    return f"{colours} {plural} {'is' if colours == 1 and verb == 'are' else verb}"


def _either(options: Sequence[int]) -> str:
    return series((COLOURS[option] for option in options), "or")
