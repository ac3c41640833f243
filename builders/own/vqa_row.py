"""One row of a user's file as drafts. What its columns mean is known (`columns.Detection`); values are read here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from perceptdata.draft import BadRow, Draft, DraftResponse
from perceptdata.errors import Rejected
from perceptdata.example import IMAGE, STAGES, Answer, AnswerKind, Stage, Turn

from ..reading.choices import index_of, inline_choices, read_choices
from ..reading.conversations import Round, read_turns, rounds
from ..reading.gold import final_answer, marked_answer, typed
from ..reading.literals import is_written_list, read_list
from ..reading.pictures import Store, references
from ..reading.placeholders import name_images, place_images
from ..reading.stage_rules import stage_of
from .columns import META, SCORE, Detection, flat


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every row of a source. `own_split`: a row may name its split itself. `stage` None: by rule."""

    split: str
    own_split: bool
    stage: Stage | None
    store: Store
    corpus: str | None = None
    licence: str | None = None


def key_of(row: Mapping[str, Any], detection: Detection) -> str | None:
    """The row's own id, or None where it has none."""
    found = _Values(row, detection).first("id")
    return None if found is None else str(found)


def drafts_of(
    row: Mapping[str, Any], detection: Detection, key: str, defaults: Defaults, where: str
) -> Iterator[Draft | BadRow]:
    """One draft, or one a turn of a conversation. A turn that cannot be used costs that turn alone.

    Raises Rejected with the reason that the whole row cannot be read.
    """
    values = _Values(row, detection)
    images = [reference for value in values.all("images") for reference in references(value, defaults.store)]
    system, made = _rounds(values)
    last = made[-1]
    texts = place_images([*(turn.text for turn in last.history), last.question], len(images))
    turns = [Turn(role=turn.role, text=text) for turn, text in zip(last.history, texts, strict=False)]
    split = str(values.first("split") or defaults.split) if defaults.own_split else defaults.split
    for number, one in enumerate(made):
        place = len(one.history)
        shown = sum(text.count(IMAGE) for text in texts[: place + 1])
        named = key if number == 0 else f"{key}/turn{number + 1}"
        owns_answer = one is last and (number == 0 or one.answer is None)
        try:
            draft = _draft(values, detection, one, texts[place], owns_answer)
            draft.images = images if one is last else images[:shown]
            stage, rule = _stage(values, defaults, draft)
        except Rejected as error:
            yield BadRow(named, error.code, f"{where}: {error.message}", split)
            continue
        draft.key, draft.split, draft.stage, draft.history = named, split, stage, turns[:place]
        draft.corpus, draft.licence = defaults.corpus, defaults.licence
        if one is last:  # what the row says of its answer is of the last question
            draft.scores, draft.responses = values.scores(), values.responses()
        extra = {"system": system, "stage_rule": rule}
        draft.meta = {**draft.meta, **{name: value for name, value in extra.items() if value is not None}}
        yield draft


def _stage(values: _Values, defaults: Defaults, draft: Draft) -> tuple[Stage, str | None]:
    """The stage, and the rule that decided it where one did."""
    given = defaults.stage or values.first("stage")
    if given is None:
        stage, rule = stage_of(draft.question, len(draft.images))
        return stage, rule.name
    if given not in STAGES:
        raise Rejected("field.invalid", f"the stage is '{given}', none of {', '.join(STAGES)}")
    return given, None


class _Values:
    """The row's values by target; empty ones are not there."""

    def __init__(self, row: Mapping[str, Any], detection: Detection) -> None:
        self._fields = flat(row)
        self._detection = detection

    def all(self, target: str) -> list[Any]:
        found = (self._fields.get(column) for column in self._detection.of(target))
        return [value for value in found if not _absent(value)]

    def first(self, target: str) -> Any:
        return next(iter(self.all(target)), None)

    def scores(self) -> dict[str, float]:
        columns = self._detection.columns.items()
        named = {to.removeprefix(SCORE): self._fields.get(name) for name, to in columns if to.startswith(SCORE)}
        try:
            return {name: float(value) for name, value in named.items() if value is not None and not _absent(value)}
        except (TypeError, ValueError):
            raise Rejected("field.invalid", f"a score is no number: {str(named)[:120]}") from None

    def responses(self) -> list[DraftResponse]:
        texts, right = self.first("responses"), self.first("responses.correct")
        if not isinstance(texts, list | tuple):
            return []
        scores = right if isinstance(right, list | tuple) and len(right) == len(texts) else [None] * len(texts)
        return [
            DraftResponse(str(text), score=None if score is None else float(score))
            for text, score in zip(texts, scores, strict=True)
            if text is not None
        ]

    def meta(self) -> dict[str, Any]:
        columns = self._detection.columns.items()
        named = {to.removeprefix(META): self._fields.get(name) for name, to in columns if to.startswith(META)}
        kept = {name: value for name, value in named.items() if not _absent(value)}
        return json.loads(json.dumps(kept, default=str))  # dates and decimals of Parquet as text


def _absent(value: Any) -> bool:
    return value is None or value == "" or value == [] or (isinstance(value, float) and value != value)


def _rounds(values: _Values) -> tuple[str | None, list[Round]]:
    if (question := values.first("question")) is not None:
        if not isinstance(question, str):
            raise Rejected("field.invalid", f"the question is a {type(question).__name__}, not text")
        return None, [Round((), question, None)]
    conversation = values.first("conversation")
    if conversation is None:
        raise Rejected("field.invalid", "the row has no question")
    system, made = rounds(read_turns(conversation))
    if not made:
        raise Rejected("field.invalid", "the conversation has no user turn")
    return system, made


def _draft(values: _Values, detection: Detection, one: Round, question: str, owns_answer: bool) -> Draft:
    """Everything but names, images and stage. Only the last turn can own the row's answer column."""
    meta = values.meta()
    question, choices, block = _choices(values, detection, question)
    if block:
        meta["raw_question"] = block
    raw = values.first("answer") if owns_answer else None
    response = one.answer if one.answer is not None else values.first("response")
    answer, rationale = _answer(values, raw, response, choices, owns_answer, detection)
    written = raw if raw is not None else final_answer(str(response or ""))
    if str(written).strip() != answer.text:
        meta["raw_answer"] = json.loads(json.dumps(written, default=str))
    facts = values.first("facts")
    group = values.first("group")
    return Draft(
        key="",
        stage="visual_reasoning",
        question=question,
        answer=answer,
        choices=choices,
        group=None if group is None else str(group),
        facts=None if facts is None else str(facts),
        facts_quality=None if facts is None else "reference",
        response=rationale,
        meta=meta,
    )


def _choices(values: _Values, detection: Detection, question: str) -> tuple[str, tuple[str, ...], str | None]:
    """The question without a block of its choices, the choices, and the question as it was where the two differ."""
    given = values.all("choices")
    choices = (
        tuple(str(each) for each in given)
        if detection.choices == "columns"
        else read_choices(given[0] if given else None)
    )
    block = inline_choices(question)
    if block is not None and (block.choices == choices or (not choices and detection.choices == "inline")):
        return block.question, tuple(map(name_images, block.choices)), question
    return question, tuple(map(name_images, choices)), None


def _answer(
    values: _Values, raw: Any, response: Any, choices: Sequence[str], owns_answer: bool, detection: Detection
) -> tuple[Answer, str | None]:
    """The answer, and the chain of thought that leads to it where there is one."""
    rationale = None if response is None else str(response)
    accepts = [text for value in values.all("answer.accepts") for text in _several(value)] if owns_answer else []
    index = values.first("answer.index") if owns_answer else None
    if index is not None:
        if isinstance(index, bool) or not str(index).strip().isdigit() or int(index) >= len(choices):
            raise Rejected("answer.index", f"the answer index is {index!r} with {len(choices)} choices")
        return _chosen(values, int(index), choices, accepts), rationale
    if raw is not None:
        given = _by_frequency(_several(raw))
        marked = marked_answer(given[0])
        if rationale is None and marked is not None and len(given[0]) > 2 * len(marked):
            rationale = given[0]  # the answer column holds the whole way to the answer
        texts = [final_answer(text) for text in given]
    elif rationale is not None and (detection.of("conversation") or marked_answer(rationale) is not None):
        texts = [final_answer(rationale)]
    else:
        raise Rejected("answer.missing", "the row has no answer")
    if not texts[0]:
        raise Rejected("answer.missing", "the answer is empty")
    if rationale is not None and rationale.strip() == texts[0]:
        rationale = None
    if choices:
        index = index_of(texts[0], choices, detection.choices == "list+index")
        return _chosen(values, index, choices, accepts), rationale
    answer = typed(texts[0])
    also = dict.fromkeys([*answer.accepts, *texts[1:], *accepts])
    also.pop(answer.text, None)
    return answer.model_copy(update={"accepts": tuple(also), "kind": _kind(values) or answer.kind}), rationale


def _chosen(values: _Values, index: int, choices: Sequence[str], accepts: Sequence[str]) -> Answer:
    """The choice; a parallel list of numbers gives its value as another spelling."""
    numbers = values.first("choices.values") or []
    value = [str(numbers[index])] if isinstance(numbers, list) and index < len(numbers) else []
    also = tuple(text for text in dict.fromkeys([*value, *accepts]) if text != choices[index])
    return Answer(text=choices[index], kind="choice", index=index, accepts=also)


def _several(value: Any) -> list[str]:
    """The answers of one value: a list, a list of `{answer: …}`, a written list of texts, or one.

    `[0, 1]` as text is one answer, an interval; `['0', '1']` is two.
    """
    if isinstance(value, Mapping):
        value = [value]
    if is_written_list(value):
        try:
            texts = read_list(value)
        except Rejected:
            texts = []
        value = texts if texts and all(isinstance(text, str) for text in texts) else value
    if isinstance(value, list | tuple):
        return [str(each.get("answer", "") if isinstance(each, Mapping) else each).strip() for each in value]
    return [str(value).lower() if isinstance(value, bool) else str(value).strip()]


def _by_frequency(texts: Sequence[str]) -> list[str]:
    """Each text once, the most frequent first (ten annotators answer a VQAv2 question)."""
    return [text for text, _ in Counter(filter(None, texts)).most_common()] or [""]


def _kind(values: _Values) -> AnswerKind | None:
    kind = values.first("answer.kind")
    if kind is None:
        return None
    if kind not in get_args(AnswerKind):
        raise Rejected("field.invalid", f"the answer kind is '{kind}', none of {', '.join(get_args(AnswerKind))}")
    return kind
