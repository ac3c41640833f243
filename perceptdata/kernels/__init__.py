"""What a head says about each token, without [N, V] logits: NLL, entropy and divergences, tile by tile.

    stats = token_stats(hidden, head.weight, targets)               # .nll and .entropy, each [N]
    apart = token_divergence(hidden, head.weight, teacher_hidden, teacher.weight, kind="forward_kl")
    loss = (weights * stats.nll).sum() + apart.mean()               # any weights, masks and averages: plain torch

Logits of 8,192 tokens over a vocabulary of 152k are 2.3 GiB in bfloat16, and a loss holds five times that. Here one
tile of them lives at a time: once on the way forward, and again, recomputed, on the way back.
"""

from perceptdata.kernels.divergence import token_divergence
from perceptdata.kernels.estimators import k3
from perceptdata.kernels.likelihood import IGNORED, TokenStats, token_stats
from perceptdata.kernels.tile import Tile

__all__ = ["IGNORED", "Tile", "TokenStats", "k3", "token_divergence", "token_stats"]
