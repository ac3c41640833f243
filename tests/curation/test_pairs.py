"""Candidates by shared keys: how many of the near pairs they reach, components, and joins by hand."""

import numpy as np
import pyarrow as pa

from perceptdata.curation.pairs import components, hash_keys, joined_pairs


def test_keys_reach_nearly_all_hashes_at_the_limit() -> None:
    """24 of 256 bits turned: a band of 16 stays whole with probability 0.2, one of 32 bands with 0.999."""
    draw = np.random.default_rng(0)
    one = draw.integers(0, 1 << 63, (400, 5)).astype(np.uint64)
    bits = np.unpackbits(one[:, :4].astype(">u8").view(np.uint8), axis=1)
    for row in bits:
        row[draw.choice(256, 24, replace=False)] ^= 1
    other = one.copy()
    other[:, :4] = np.packbits(bits, axis=1).view(">u8").astype(np.uint64)
    other[:, 4] ^= np.uint64(0xFFFFFFFFFFFFFFFF)  # only the 256 bits count here
    keys = zip(hash_keys(one), hash_keys(other), strict=True)
    reached = np.any([first == second for first, second in keys], axis=0)
    assert reached.mean() > 0.985
    assert len(list(hash_keys(one))) == 60


def test_components_are_named_after_their_smallest_member() -> None:
    ends = np.array([[5, 3], [3, 1], [2, 4]])
    assert components(7, ends[:, 0], ends[:, 1]).tolist() == [0, 1, 2, 1, 2, 1, 6]
    nothing = np.zeros(0, np.int64)
    assert components(0, nothing, nothing).tolist() == []
    assert components(2, nothing, nothing).tolist() == [0, 1]


def test_pairs_share_a_key_in_one_table() -> None:
    first = pa.table({"r": [0, 1, 2, 3], "k": [7, 8, 7, 9]})
    second = pa.table({"r": [0, 1, 2, 3], "k": [1, 5, 1, 5]})
    assert joined_pairs([first, second]).tolist() == [[0, 2], [1, 3]]
    assert joined_pairs([]).tolist() == []
