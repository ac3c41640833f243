"""Comparison: what changed between two checkpoints, diagnoses, views, layers or training runs.

results      the answers of one model to named items, and what became of each: the table that is compared
stored       such a table as a folder (`perceptdata eval import` writes one)
scored       such a table out of a workspace's scores
pairing      the same items on both sides, or a refusal
paired       wins, losses, exact tests and intervals for pairs
findings     two tables compared, benchmark by benchmark
diagnoses    two diagnoses compared: gains of a, a_p and a_r, and the items
texts        two layers of captions, responses or spans
views        two views
runs         two training runs
sides        what a name on the command line means
"""
