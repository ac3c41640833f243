"""What can be asked of shapes: programs in the manner of CLEVR, run on the exact scene.

An object is told by words that only it fits ("the large red star"), a set by words too ("red objects"). The trace of a
program gives the set of cells after each step, as `left of C2 → {A1, B4}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import permutations

from perceptdata.plugins import Solution

from .shapes_text import COLOURS, KINDS, SHAPES, SIDES, Shape, Shapes, beside, cell_name, fitting, names
from .tasked import YES_NO, Case, Template


def _cells(shapes: Iterable[Shape]) -> str:
    return f"{{{', '.join(map(cell_name, shapes))}}}"


def _solution(answer: object, *steps: str) -> Solution:
    return Solution(str(answer), "\n".join((*steps, f"So the answer is {answer}.")))


def _one(scene: Shapes, words: str) -> tuple[Shape, str] | None:
    found = fitting(scene, words)
    return (found[0], f"the {words} → {_cells(found)}") if len(found) == 1 else None


def _plural(words: str) -> str:
    return words if words.endswith("s") else f"{words}s"


# Looking alone


def _at(kind: str) -> Template[Shapes]:
    def work(scene: Shapes, place: str) -> Solution | None:
        found = next((each for each in scene if cell_name(each) == place), None)
        return None if found is None else Solution(getattr(found, kind), "")

    return Template(
        kind,
        lambda place: f"What is the {kind} of the object in cell {place}?",
        lambda scene: [(cell_name(each),) for each in scene],
        work,
        looks=True,
    )


def _place(scene: Shapes, words: str) -> Solution | None:
    found = fitting(scene, words)
    return Solution(cell_name(found[0]), "") if len(found) == 1 else None


def _exists(scene: Shapes, words: str) -> Solution:
    return Solution(YES_NO[not fitting(scene, words)], "")


def _near(scene: Shapes) -> list[Case]:
    """A colour and a shape that both occur, together or not."""
    colours, shapes = sorted({each.colour for each in scene}), sorted({each.shape for each in scene})
    return [(f"{tone} {form}",) for tone in colours for form in shapes]


def _beside(scene: Shapes, words: str, side: str, other: str) -> Solution | None:
    """Undecided where both stand level."""
    one, two = fitting(scene, words), fitting(scene, other)
    if len(one) != 1 or len(two) != 1:
        return None
    opposite = SIDES[SIDES.index(side) ^ 1]
    if beside(one, side, two[0]):
        return Solution("yes", "")
    return Solution("no", "") if beside(one, opposite, two[0]) else None


def _pairs(scene: Shapes) -> list[Case]:
    return [(one, side, two) for (one, _), (two, _) in permutations(names(scene), 2) for side in SIDES]


# Programs


def _query(scene: Shapes, kind: str, words: str, side: str, other: str) -> Solution | None:
    anchor = _one(scene, other)
    if anchor is None:
        return None
    around = beside(scene, side, anchor[0])
    left = fitting(around, words)
    if len(left) != 1 or len(fitting(scene, words)) == 1:  # else the other object would not matter
        return None
    steps = (anchor[1], f"{side} {cell_name(anchor[0])} → {_cells(around)}", f"{_plural(words)} → {_cells(left)}")
    return _solution(getattr(left[0], kind), *steps)


def _queries(kind: str) -> Callable[[Shapes], list[Case]]:
    others = [name for name in KINDS if name != kind]

    def cases(scene: Shapes) -> list[Case]:
        words = sorted({getattr(each, other) for each in scene for other in others})
        phrases = [word if word in SHAPES else f"{word} object" for word in words]
        return [(kind, phrase, side, name) for name, _ in names(scene) for phrase in phrases for side in SIDES]

    return cases


def _count(scene: Shapes, words: str, side: str, other: str) -> Solution | None:
    anchor = _one(scene, other)
    if anchor is None:
        return None
    around = beside(scene, side, anchor[0])
    left = fitting(around, words)
    return _solution(
        len(left),
        anchor[1],
        f"{side} {cell_name(anchor[0])} → {_cells(around)}",
        f"{words} → {_cells(left)}",
        f"count → {len(left)}",
    )


def _sets(scene: Shapes) -> list[str]:
    """Words for sets: a colour, a size or a shape that occurs."""
    return sorted(
        {word for each in scene for word in (f"{each.size} objects", f"{each.colour} objects", f"{each.shape}s")}
    )


def _kind_of(words: str) -> str:
    """The kind of attribute that tells a set."""
    word = words.split()[0].rstrip("s")
    return next(kind for kind, values in KINDS.items() if word in values)


def _counts(scene: Shapes) -> list[Case]:
    return [(words, side, name) for words in _sets(scene) for side in SIDES for name, _ in names(scene)]


def _two_alike(scene: Shapes) -> list[Case]:
    """Two sets told by the same kind of attribute."""
    return [(one, two) for one, two in permutations(_sets(scene), 2) if _kind_of(one) == _kind_of(two)]


def _more(scene: Shapes, one: str, two: str) -> Solution | None:
    ours, theirs = fitting(scene, one), fitting(scene, two)
    if len(ours) == len(theirs):
        return None
    steps = [f"{words} → {_cells(some)}, {len(some)}" for words, some in ((one, ours), (two, theirs))]
    sign = ">" if len(ours) > len(theirs) else "<"
    return _solution(YES_NO[sign == "<"], *steps, f"{len(ours)} {sign} {len(theirs)}")


def _same(scene: Shapes, kind: str, words: str) -> Solution | None:
    anchor = _one(scene, words)
    if anchor is None:
        return None
    value = getattr(anchor[0], kind)
    alike = tuple(each for each in scene if getattr(each, kind) == value and each != anchor[0])
    return _solution(
        len(alike),
        anchor[1],
        f"its {kind} → {value}",
        f"others of {kind} {value} → {_cells(alike)}",
        f"count → {len(alike)}",
    )


def _both(scene: Shapes, side: str, one: str, other_side: str, two: str) -> Solution | None:
    first, second = _one(scene, one), _one(scene, two)
    if first is None or second is None:
        return None
    ours, theirs = beside(scene, side, first[0]), beside(scene, other_side, second[0])
    both = tuple(each for each in ours if each in theirs)
    return _solution(
        len(both),
        first[1],
        second[1],
        f"{side} {cell_name(first[0])} → {_cells(ours)}",
        f"{other_side} {cell_name(second[0])} → {_cells(theirs)}",
        f"in both → {_cells(both)}",
        f"count → {len(both)}",
    )


def _either(scene: Shapes, one: str, two: str) -> Solution:
    ours, theirs = fitting(scene, one), fitting(scene, two)
    either = tuple(each for each in scene if each in ours or each in theirs)
    steps = [f"{words} → {_cells(some)}" for words, some in ((one, ours), (two, theirs))]
    return _solution(len(either), *steps, f"in either → {_cells(either)}", f"count → {len(either)}")


def _exists_beside(scene: Shapes, words: str, side: str, other: str) -> Solution | None:
    anchor = _one(scene, other)
    if anchor is None:
        return None
    around = beside(scene, side, anchor[0])
    left = fitting(around, words)
    steps = (anchor[1], f"{side} {cell_name(anchor[0])} → {_cells(around)}", f"{words} → {_cells(left)}")
    return _solution(YES_NO[not left], *steps)


def _across(scene: Shapes) -> list[Case]:
    """Pairs of objects with a side of each, one across and one along the page."""
    return [
        (side, one, other_side, two)
        for (one, _), (two, _) in permutations(names(scene), 2)
        for side in SIDES[:2]
        for other_side in SIDES[2:]
    ]


def _two_sets(scene: Shapes) -> list[Case]:
    """Two sets of different kinds in `or`, so that they may overlap."""
    colours = sorted({f"{each.colour} objects" for each in scene})
    return [(tone, form) for tone in colours for form in sorted({f"{each.shape}s" for each in scene})]


_FEW = ("0", "1", "2", "3")


TEMPLATES: tuple[Template[Shapes], ...] = (
    _at("colour"),
    _at("shape"),
    Template(
        "cell",
        lambda words: f"In which cell is the {words}?",
        lambda scene: [(name,) for name, _ in names(scene)],
        _place,
        looks=True,
    ),
    Template("exist", lambda words: f"Is there a {words}?", _near, _exists, YES_NO, looks=True),
    Template(
        "side",
        lambda one, side, two: f"Is the {one} {side} the {two}?",
        _pairs,
        _beside,
        YES_NO,
        looks=True,
    ),
    *(
        Template(
            f"query_{kind}",
            lambda kind, words, side, other: f"One {words} is {side} the {other}. What is its {kind}?",
            _queries(kind),
            _query,
            answers,
        )
        for kind, answers in (("colour", COLOURS), ("shape", SHAPES))
    ),
    Template(
        "count",
        lambda words, side, other: f"How many {words} are {side} the {other}?",
        _counts,
        _count,
        _FEW,
        "number",
        frames=tuple(KINDS),
        frame=lambda scene, words, side, other: _kind_of(words),
    ),
    Template(
        "compare",
        lambda one, two: f"Are there more {one} than {two}?",
        _two_alike,
        _more,
        YES_NO,
    ),
    Template(
        "same",
        lambda kind, words: f"How many other objects have the same {kind} as the {words}?",
        lambda scene: [(kind, name) for kind in ("colour", "shape") for name, _ in names(scene)],
        _same,
        _FEW,
        "number",
        frames=("colour", "shape"),
        frame=lambda scene, kind, words: kind,
    ),
    Template(
        "and",
        lambda side, one, other_side, two: f"How many objects are both {side} the {one} and {other_side} the {two}?",
        _across,
        _both,
        _FEW,
        "number",
    ),
    Template(
        "or",
        lambda one, two: f"How many of the objects are {one} or {two}?".replace(" objects or", " or"),
        _two_sets,
        _either,
        ("2", "3", "4", "5"),
        "number",
    ),
    Template(
        "exist_beside",
        lambda words, side, other: f"Are there any {words} {side} the {other}?",
        _counts,
        _exists_beside,
        YES_NO,
        frames=tuple(KINDS),
        frame=lambda scene, words, side, other: _kind_of(words),
    ),
)
