"""The benchmark tables of the papers: which benchmarks, their names in two harnesses, and how answers are sampled.

    suite("paper-b").benchmarks[0].vlmevalkit       # 'MathVista_MINI'

Names were read in the sources of VLMEvalKit (ms-vlmeval 0.0.20) and lmms-eval 0.7.3; None where a harness has no such
benchmark, or judges it as a whole and logs no verdict an item (HallusionBench in lmms-eval). How a table was sampled is
the paper's (`seen`), or says that it is not.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from perceptdata.errors import UsageError

Harness = Literal["vlmevalkit", "lmms-eval"]
HARNESSES: tuple[Harness, ...] = ("vlmevalkit", "lmms-eval")


class Benchmark(NamedTuple):
    """One column of a table, or with `weight` a half a half of one. `group` is what it is averaged with; `part` the
    column and value of those rows of VLMEvalKit's table that the paper counts, where it has more.
    """

    title: str
    group: str
    vlmevalkit: str | None = None
    lmms_eval: str | None = None
    part: tuple[str, str] | None = None
    weight: float = 1.0

    def name(self, harness: Harness) -> str | None:
        """Its name in a harness."""
        return self.vlmevalkit if harness == "vlmevalkit" else self.lmms_eval


@dataclass(frozen=True)
class Sampling:
    """How answers are drawn; `samples` an item. `system` names the response format whose rule is the system prompt.

    `opened` is how an answer begins, if not by the model; `context` how many tokens a server has to hold. Pictures are
    resized to `min_pixels` to `max_pixels`, or as the checkpoint says where these are None.
    """

    samples: int
    temperature: float
    top_p: float
    top_k: int | None
    max_tokens: int
    seed: int
    system: str | None
    context: int
    min_pixels: int | None = None
    max_pixels: int | None = None
    opened: str = ""


@dataclass(frozen=True)
class Suite:
    """A paper's table. `remarks` say what is not as in the paper, and cannot be by these harnesses; `averages` which
    groups of benchmarks its averages are over, each benchmark as heavy; all of them where none is named.
    """

    name: str
    paper: str
    about: str
    benchmarks: tuple[Benchmark, ...]
    sampling: Sampling
    remarks: tuple[str, ...]
    averages: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def names(self, harness: Harness) -> dict[str, str]:
        """The benchmarks that a harness has, by their title."""
        return {each.title: name for each in self.benchmarks if (name := each.name(harness)) is not None}

    def missing(self, harness: Harness) -> list[str]:
        """The titles that it has not."""
        return [each.title for each in self.benchmarks if each.name(harness) is None]


_SEES, _MATHS, _WIDER = "perception", "visual mathematics", "extended"
_MATHVISTA = Benchmark("MathVista mini", _MATHS, "MathVista_MINI", "mathvista_testmini_cot")
_WORLD = Benchmark("RealWorldQA", _SEES, "RealWorldQA", "realworldqa")
_VERSE = Benchmark("MathVerse mini", _MATHS, "MathVerse_MINI", "mathverse_testmini")
_PRO = Benchmark("MMMU-Pro", "general", "MMMU_Pro_10c", "mmmu_pro_standard")
_JUDGE = (
    "free-form answers are extracted by a judge model. Another judge moves these numbers: compare checkpoints under "
    "one judge only"
)

SUITES: dict[str, Suite] = {
    "paper-b": Suite(
        name="paper-b",
        paper="arXiv 2605.20177, From Seeing to Thinking",
        about="its main table (8) and the extended one (10)",
        benchmarks=(
            _MATHVISTA,
            Benchmark("MathVision mini", _MATHS, "MathVision_MINI", "mathvision_testmini"),
            Benchmark(
                "MathVerse mini, Vision Intensive",
                _MATHS,
                "MathVerse_MINI_Vision_Intensive",
                "mathverse_testmini_vision_intensive",
            ),
            Benchmark("WeMath", _MATHS, "WeMath", "wemath_testmini_reasoning"),
            Benchmark("A-OKVQA", _SEES, "A-OKVQA"),
            _WORLD,
            Benchmark("MMStar", _SEES, "MMStar", "mmstar"),
            Benchmark("POPE", _SEES, "POPE", "pope"),
            Benchmark(
                "MathVerse mini, Vision Only", _WIDER, "MathVerse_MINI_Vision_Only", "mathverse_testmini_vision_only"
            ),
            Benchmark("DynaMath", _WIDER, "DynaMath", "dynamath_reasoning"),
            Benchmark("HallusionBench", _WIDER, "HallusionBench"),
            Benchmark("BLINK", _WIDER, "BLINK", "blink"),
            Benchmark("VisOnlyQA real", _WIDER, "VisOnlyQA-VLMEvalKit"),
            Benchmark("VisOnlyQA synthetic", _WIDER),
            Benchmark("CV-Bench 2D", _WIDER, "CV-Bench-2D", "cv_bench_2d"),
            Benchmark("V*Bench", _WIDER, "VStarBench", "vstar_bench"),
            Benchmark("ChartQA", _WIDER, "ChartQA_TEST", "chartqa"),
            Benchmark("TextVQA", _WIDER, "TextVQA_VAL", "textvqa_val"),
        ),
        sampling=Sampling(1, 0.0, 1.0, None, 2048, 42, "think_boxed", 32_768, 262_144, 4_194_304),
        remarks=(
            "seen: VLMEvalKit, greedy, a closed judge model; Qwen behind vLLM, InternVL behind LMDeploy; the training "
            "prompt as system prompt, and none for base models (give --no-system)",
            "inferred: 2,048 new tokens and 262,144 to 4,194,304 pixels, as in training; the paper does not say",
            "the rule of our format stands for the paper's prompt, in our words",
            _JUDGE,
        ),
        averages={
            _MATHS: (_MATHS,),
            _SEES: (_SEES,),
            "main table": (_MATHS, _SEES),
            _WIDER: (_WIDER,),
        },
    ),
    "paper-c": Suite(
        name="paper-c",
        paper="arXiv 2604.01840, PGPO",
        about="its main table (8 columns, mean accuracy over 8 samples)",
        benchmarks=(
            Benchmark("Geometry3K", _MATHS),
            Benchmark("MMK12", _MATHS),
            _VERSE._replace(part=("question_type", "multi-choice")),
            Benchmark("DynaMath", _MATHS, "DynaMath", "dynamath_reasoning", ("varid", "1")),
            Benchmark("MATH-Vision", _MATHS, "MathVision", "mathvision_test"),
            Benchmark("LogicVista", "general", "LogicVista", "logicvista_reasoning"),
            _PRO,
            Benchmark(
                "MathVerse, vision-centric",
                _MATHS,
                "MathVerse_MINI_Vision_Only",
                "mathverse_testmini_vision_only",
                ("question_type", "multi-choice"),
            ),
        ),
        sampling=Sampling(8, 1.0, 1.0, None, 2048, 42, "think_boxed", 32_768, 200_704, 1_003_520),
        remarks=(
            "seen: temperature 1, top-p 1, 2,048 new tokens, accuracy averaged over 8 samples, exact match, no judge",
            "MathVerse in either harness, and most columns in VLMEvalKit, are judged by a model; in the paper, by none",
            "seen: DynaMath is its first variant, MathVerse its multiple-choice part; of VLMEvalKit's tables the "
            "import keeps these rows, of lmms-eval's all",
            "inferred: which subset 'vision-centric' is; Vision Only stands for it",
            "inferred: 200,704 to 1,003,520 pixels, from an unofficial re-implementation; the paper does not say",
            "Geometry3K is left out: lmms-eval's is a multiple-choice edition of all 3,002 problems, training ones too",
            "the rule of our format stands for the paper's prompt, in our words",
        ),
    ),
    "paper-d": Suite(
        name="paper-d",
        paper="arXiv 2606.19120, ViGOS",
        about="its main table (8, Pass@5 and Avg@5); ViLP is `perceptdata diagnose`'s prior test",
        benchmarks=(
            Benchmark("MM-Vet", "general", "MMVet", "mmvet"),
            Benchmark("MMMU", "general", "MMMU_DEV_VAL", "mmmu_val", ("split", "validation")),
            _PRO,
            _VERSE,
            _MATHVISTA,
            Benchmark("MMSI-Bench", "spatial", "MMSIBench_wo_circular", "mmsi_bench"),
            _WORLD,
            Benchmark("CV-Bench 2D", "spatial", "CV-Bench-2D", "cv_bench_2d", weight=0.5),
            Benchmark("CV-Bench 3D", "spatial", "CV-Bench-3D", "cv_bench_3d", weight=0.5),
        ),
        sampling=Sampling(5, 1.0, 0.9, 20, 4096, 42, "describe_think_boxed", 40_960, opened="<description>"),
        remarks=(
            "seen: 4,096 new tokens, 5 samples, temperature 1, top-p 0.9, top-k 20 (its code says 50), seed 42",
            "seen: the answer is opened with <description>; VLMEvalKit does so by an endpoint of vLLM's, and with "
            "lmms-eval the model has to",
            "MMMU: VLMEvalKit's table holds the dev part too; the import keeps the validation part",
            "the rule of our format stands for the paper's prompt, in our words",
            _JUDGE,
        ),
    ),
}


def suite(name: str) -> Suite:
    """The suite of that name. Raises UsageError for one that is not there."""
    if name not in SUITES:
        near = difflib.get_close_matches(name, SUITES, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(SUITES)}"
        raise UsageError(f"there is no suite '{name}'; {hint}")
    return SUITES[name]
