"""What a judge may say, and what its calibration is bound to."""

from collections.abc import Sequence
from typing import ClassVar

import pytest

from perceptdata.errors import PluginError, Rejected
from perceptdata.plugins import Captioned, Captioner, CaptionItem, ImageItem, Judge, Judged, Opinion
from perceptdata.registry import make
from perceptdata.verification.asking import binding_of, captions_by, judged_by
from perceptdata.verification.claims import split

TEXT = "Two cups. One is red."
ITEM = CaptionItem("img:a#caps/0", TEXT, tuple(split([TEXT])[0]), "a", memoryview(b""))


class Fixed(Judge):
    name: ClassVar[str] = "fixed"
    said: tuple[Opinion, ...] = ()
    times: int = 1

    def judge(self, captions: Sequence[CaptionItem]) -> list[Judged]:
        return [Judged(self.said)] * self.times


class Lost(Captioner):
    name: ClassVar[str] = "lost"

    def caption(self, images: Sequence[ImageItem]) -> list[list[Captioned | Rejected]]:
        return []


@pytest.mark.parametrize(
    ("judge", "message"),
    [
        (Fixed(times=2), "2 results for 1 captions"),
        (Fixed(said=(Opinion("supported"),)), "1 opinions for 2 claims of img:a#caps/0"),
        (Fixed(said=(Opinion("true"), Opinion("supported"))), "a verdict is supported, contradicted, not_visible"),
        (Fixed(said=(Opinion(None), Opinion("supported"))), "or the reason why it has none"),
        (Fixed(said=(Opinion("supported", unjudged="x"),) * 2), "or the reason why it has none"),
    ],
)
def test_a_judge_that_breaks_its_promise_is_stopped(judge: Judge, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        judged_by(judge, [ITEM], None)


def test_a_judge_that_keeps_it_is_heard() -> None:
    said = (Opinion("supported"), Opinion(None, unjudged="fixed.shy"))
    assert judged_by(Fixed(said=said), [ITEM], None) == [Judged(said)]


def test_a_captioner_that_loses_images_is_stopped() -> None:
    with pytest.raises(PluginError, match="captions of 0 images for 1"):
        captions_by(Lost(), [ImageItem("a", memoryview(b""))], None)


def test_a_binding_changes_with_what_verdicts_depend_on_and_nothing_else() -> None:
    def bound(segmenter: str = "clauses@1", name: str = "llm", model: str = "m", url: str = "h", **options: object):
        endpoint = {"urls": [f"http://{url}/v1"], "model": model}
        return binding_of(make("judges", name, {"endpoint": endpoint, **options}), segmenter)

    first = bound()
    assert first == bound(url="other")
    assert first == bound(max_calls=5)
    changed = {
        "model": bound(model="n"),
        "prompt": bound(max_pixels=9),
        "segmenter": bound(segmenter="clauses@2"),
    }
    for field, other in changed.items():
        differ = {name for name, value in first.model_dump().items() if value != getattr(other, name)}
        assert differ == {field}
    assert bound(name="reference").prompt != first.prompt
    assert bound(name="utility").schema_hash != first.schema_hash


def test_a_local_judge_is_bound_to_its_version_and_options() -> None:
    bound = binding_of(make("judges", "oracle"), "clauses@1")
    assert (bound.model, bound.prompt) == ("oracle@2", "")
