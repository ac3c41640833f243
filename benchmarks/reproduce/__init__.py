"""The headline of each paper, small and honest: a tiny VLM, trained here from nothing, on pictures of 4×4 Sudokus.

    python -m benchmarks.reproduce sft            # arms of experiment 1, three seeds, one table
    python -m benchmarks.reproduce --help         # the others, tiers, a real model

Losses, weights, advantages and their diagnostics are those of `perceptdata.trainer.core`; only the model, the task and
the loop are made small. What the numbers say, beside the papers', is in docs/reproduction.md.
"""
