"""Batched answers from a local model, in the order of the requests.

    for answered in generate(model, requests, Sampling(n=8, temperature=0.7, top_p=0.95, max_new_tokens=512)):
        answered.request.key, answered.samples or answered.rejected

Requests are read in windows, and sorted by length inside one, so that little of a batch is padding; memory does not
depend on how many there are. A sample's random numbers come from (seed, request key, sample number) alone, one uniform
number a token, so a sample does not depend on the batch it ran in: after an interruption the missing ones can be asked
for alone. (The arithmetic may: in bfloat16 a batch of another shape can round a tie the other way.)
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

from perceptdata.errors import Rejected, UsageError
from perceptdata.vlm.batch import collate
from perceptdata.vlm.loading import LocalModel
from perceptdata.vlm.rendering import Prepared, Request, prepare

if TYPE_CHECKING:
    from torch import Tensor

WINDOW = 8  # batches that are prepared and sorted together
