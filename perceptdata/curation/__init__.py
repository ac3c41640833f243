"""Curation: what is the same, what leaks, what is hard, and who stands on which side of a split.

    wording      texts as words, n-grams of them as hashes
    prints       images as pixel hashes, perceptual hashes and a small copy, made once an image and kept in `cache/`
    keys         a shard's rows as a narrow table of keys
    pairs        which images, and which rows, are near each other: candidates by shared keys, each pair checked
    duplicates   which rows stay, and what the others are duplicates of
    splits       sides of a split, by groups and what is near them
    guard        test sets as salted hashes, and rows held against them

Everything here decides; nothing removes. Steps write what was decided as scores, and views choose by them.
"""

from __future__ import annotations
