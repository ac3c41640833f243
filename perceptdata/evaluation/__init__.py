"""Evaluation: the papers' benchmark tables by somebody else's harness, and its result files read back item by item.

suites       which benchmarks a paper's table has, under which name in which harness, and how they are sampled
commands     a folder that runs a suite on a checkpoint: configuration, script, README
sheets       tables of strings out of xlsx, csv, tsv and json files; pickles are never opened
verdicts     what one row of a harness says of an answer
vlmevalkit   a folder of VLMEvalKit's
lmms_eval    a folder of lmms-eval's
importing    either of them, as results that can be compared
exposure     which items of a benchmark a decontamination layer found among training rows
"""
