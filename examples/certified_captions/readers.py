"""Simulated readers: they fill in sheets as people would, and miss and raise false alarms as often as they are told to.

They know the truth by the oracle, of what stands on the sheet and nothing else: a trap is to them a claim like any
other. Their answers are taken in as `simulated`, which a certificate says on its face.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perceptdata import registry
from perceptdata.plugins import CaptionItem, Claim
from perceptdata.review.judged import Claims


@dataclass(frozen=True, slots=True)
class Reader:
    """`miss` of false claims pass, `alarm` of true ones fail; a reading takes about `seconds`."""

    miss: float = 0.1
    alarm: float = 0.02
    seconds: float = 30.0

    def fill_in(self, sheet: Path, claims: Claims, seed: int = 0) -> Path:
        """Write a verdict on every line."""
        rows = [json.loads(line) for line in sheet.read_text(encoding="utf-8").split("\n") if line]
        items = [_item(row, claims) for row in rows]
        judged = registry.make("judges", "oracle", {}).judge(items)
        for row, known in zip(rows, judged, strict=True):
            draw = random.Random(f"{seed}/{sheet.stem}/{row['item']}")
            true = known.opinions[0].verdict == "supported"
            passes = draw.random() >= self.alarm if true else draw.random() < self.miss
            row["verdict"] = "supported" if passes else "contradicted"
            row["seconds"] = round(self.seconds * draw.lognormvariate(0, 0.4), 1)
        sheet.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return sheet


def _item(row: dict[str, Any], claims: Claims) -> CaptionItem:
    """What stands on a line."""
    sha256 = Path(str(row["image"])).stem
    claim = Claim(row["start"], row["end"], "other")
    return CaptionItem("sheet", row["caption"], (claim,), sha256, memoryview(b""), claims.shown[sha256].examples)
