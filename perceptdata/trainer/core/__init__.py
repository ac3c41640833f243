"""The methods as pure functions of per-token values and masks: torch, no models, no tokenizers, no trainer.

    spans.py         roles -> a weight per token; the two-span loss, per-role weights, DFT
    balance.py       λ over time: standard, static, NGDiff, perception first; gradient norms
    dependency.py    how much a token depends on the image, relative to its response
    reshape.py       advantages per token from that: PGPO, VPPO
    regularisers.py  terms added to a policy loss: PAPO's bonus, entropy penalties
    rewards.py       mixing rewards of which some are missing, group normalisation, dynamic sampling
    divergences.py   full-vocabulary KL and JSD with a clip inside the sum over the vocabulary
    segments.py      segment-routed distillation: which teacher serves which token; ViGOS, OPSD, SDFT
    leakage.py       PALR: how much of what is taught hangs on the answer instead of the picture
    stages.py        stage plans and their steps; curriculum.py the order of rows (neither needs torch)
    parts.py         which parameters train (needs no torch)

A loss that is a mean is given its denominator: the counts of the whole accumulation window over all ranks. Every
function returns this micro-batch's share, so that the plain sum over micro-batches and ranks is the objective. An
engine that averages gradients over ranks multiplies by their number.
"""
