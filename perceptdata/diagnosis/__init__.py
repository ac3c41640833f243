"""Diagnosis: where a model's errors come from, what would help, and whether it then did.

    a, a_p, a_r         end to end, perception alone, reasoning from given facts (arXiv 2605.29496)

| module         | noun                                                                    |
|----------------|-------------------------------------------------------------------------|
| `conditions`   | what a model is shown                                                   |
| `continuation` | whether an endpoint goes on from a prefilled answer                     |
| `answered`     | the table of answers that every number is made of                       |
| `measures`     | rates, paired differences, their intervals                              |
| `rates`        | a, a_p, a_r by slice, and the bottleneck                                |
| `coupling`     | how far the outcome speaks of perception                                |
| `shortcuts`    | answers without looking, traces that peek                               |
| `shares`       | perception's part of tokens and loss, dependency by role, leakage       |
| `gains`        | two diagnoses, or a sweep                                               |
| `attribution`  | the first wrong step by kind                                            |
| `unfolding`    | a judge's word, its mistakes taken out by scenes that are known         |
| `audit`        | people's word on some, sharpened by a judge's on all                    |
| `judging`      | the judge panel                                                         |
| `advice`       | what should raise `a`, and the check of it                              |
| `diagnosis`    | all of it as one record                                                 |
"""

from __future__ import annotations

from perceptdata.diagnosis.advice import Advice, Probe, advise, check
from perceptdata.diagnosis.diagnosis import Diagnosis, conclude, load, save
from perceptdata.diagnosis.gains import gains, sweep

__all__ = ["Advice", "Diagnosis", "Probe", "advise", "check", "conclude", "gains", "load", "save", "sweep"]
