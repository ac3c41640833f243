"""GPU-hours of the papers' runs, computed: floating-point operations over what a GPU does of them.

    python examples/papers/hours.py            # the table of docs/papers.md

A pass over a token costs 2 operations a weight, forwards; 4 more backwards (2 where only adapters are trained).
Sampling is one forward pass a token, plus the prompt's. An H200 or H100 is taken at 40 % of 989e12 dense bfloat16
operations a second for passes, and at 10 % of that for sampling, which waits for memory. Lengths are guesses but for
what is seen. Nothing waits for rewards, judges, vision towers or other devices: real runs take longer.
"""

from __future__ import annotations

from dataclasses import dataclass

RATE, PASSES, SAMPLING = 989e12, 0.4, 0.1


@dataclass(frozen=True)
class Run:
    """`sequences` in all, of so many prompt and response tokens; passes over each, forwards and backwards."""

    name: str
    weights: float
    sequences: float
    prompt: float
    response: float
    sampled: bool
    scored: int
    trained: bool
    adapters: bool = False
    seen: str = ""

    def hours(self) -> tuple[float, float]:
        """GPU-hours of sampling, and of passes."""
        whole = self.prompt + self.response
        sampling = 2 * self.weights * self.sequences * whole if self.sampled else 0.0
        backward = (2 if self.adapters else 4) if self.trained else 0
        learnt = 2 + backward if self.trained else 0
        passes = self.weights * self.sequences * whole * (2 * self.scored + learnt)
        return sampling / (RATE * SAMPLING) / 3600, passes / (RATE * PASSES) / 3600


RUNS = (
    # 2 tasks x 4,000 rows x 2 epochs; NGDiff on all parameters makes a second backward pass: two more forwards.
    Run("asymmetric, SFT 8B", 8.8e9, 16_000, 700, 2_500, sampled=False, scored=2, trained=True),
    # 2 tasks x 16,000 prompts x 8 rollouts; one pass for old probabilities.
    Run("asymmetric, RL 8B", 8.8e9, 256_000, 700, 2_500, sampled=True, scored=1, trained=True),
    # 930 rollout batches x 512 x 5; old and reference probabilities. 600 tokens a response is seen (445 to 915).
    Run(
        "seeing_to_thinking 8B",
        8.8e9,
        930 * 512 * 5,
        900,
        600,
        sampled=True,
        scored=2,
        trained=True,
        seen="about 24 GPU-hours (B-note); 192 if those are hours of 8 GPUs",
    ),
    # 202 rollout batches x 384 x 5; old probabilities and the blind pass.
    Run("pgpo 7B", 8.3e9, 202 * 384 * 5, 700, 500, sampled=True, scored=2, trained=True),
    Run(
        "pgpo 3B",
        3.8e9,
        202 * 384 * 5,
        700,
        500,
        sampled=True,
        scored=2,
        trained=True,
        seen="28.1 h on 2 GPUs: 56.2 GPU-hours (Table 5)",
    ),
    # 47,600 prompts, one rollout each, three teachers.
    Run("vigos 7B", 8.3e9, 47_600, 1_000, 800, sampled=True, scored=3, trained=True, adapters=True),
)


def main() -> None:
    """Print the table."""
    print("| run | sampling | passes | GPU-hours | seen |\n|---|---|---|---|---|")
    for run in RUNS:
        sampling, passes = run.hours()
        print(f"| {run.name} | {sampling:.0f} | {passes:.0f} | {sampling + passes:.0f} | {run.seen or '–'} |")


if __name__ == "__main__":
    main()
