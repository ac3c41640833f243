"""Tiles: bounded whatever the shapes."""

import pytest
import torch

from perceptdata.errors import UsageError
from perceptdata.kernels import Tile, token_stats
from perceptdata.kernels.tile import LOGITS, pieces


@pytest.mark.parametrize("tokens", [0, 1, 3, 127, 1024, 8192, 10**6])
@pytest.mark.parametrize("vocabulary", [1, 100, 32000, 152064])
def test_the_default_holds_a_bounded_number_of_logits(tokens: int, vocabulary: int) -> None:
    tile = Tile.fitting(tokens, vocabulary)
    assert tile == tile.checked()
    assert tile.tokens * tile.vocabulary <= LOGITS
    assert tile.tokens <= max(tokens, 1)
    assert tile.vocabulary <= vocabulary


def test_the_default_is_square_for_many_tokens_and_wide_for_few() -> None:
    assert Tile.fitting(8192, 152064) == (4096, 4096)
    assert Tile.fitting(1500, 152064) == (1500, 11136)
    assert Tile.fitting(100, 152064) == (100, 16384)


def test_pieces_cover_the_whole_once() -> None:
    assert [(part.start, part.stop) for part in pieces(10, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert list(pieces(0, 4)) == []


@pytest.mark.parametrize("tile", [Tile(0, 5), Tile(5, -1)])
def test_a_tile_without_area_is_refused(tile: Tile) -> None:
    with pytest.raises(UsageError, match="at least one token and one entry"):
        token_stats(torch.ones(2, 3), torch.ones(4, 3), torch.tensor([0, 1]), tile=tile)
