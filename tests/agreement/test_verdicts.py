"""Agreement on verdicts, against numbers worked out by hand."""

import pyarrow as pa
import pytest

from perceptdata.agreement.verdicts import COLUMNS, _said, compare_verdicts


def test_four_captions_by_hand() -> None:
    """ann: c c w w; bob: c w w w. Agreed 3 of 4. Chance by ann's 2/4, 2/4 and bob's 1/4, 3/4: 1/8 + 3/8 = 1/2, so kappa
    is (3/4 - 1/2) / (1/2) = 1/2. Alpha: of 8 words 3 are c, 5 are w; D_o is 2 of 8, D_e 2 * 3 * 5 / (8 * 7) = 30/56,
    so it is 1 - (1/4) / (30/56) = 8/15.
    """
    said = {"ann": "ccww", "bob": "cwww"}
    rows = [
        {"judge": who, "text": f"t{at}", "thing": "x", "word": word}
        for who, words in said.items()
        for at, word in enumerate(words)
    ]
    rows.append({"judge": "bob", "text": "alone", "thing": "x", "word": "c"})
    made = _said("captions", pa.Table.from_pylist(rows, schema=COLUMNS))
    assert (made.judges, made.words, made.shared) == (("ann", "bob"), ("c", "w"), 4)
    found = compare_verdicts(made, bootstraps=50)
    assert found["agreed", "ann~bob"].value == 0.75
    assert found["kappa", "ann~bob"].value == 0.5
    assert found["alpha", "all"].value == pytest.approx(8 / 15)
    assert found["alpha", "c"].value == pytest.approx(8 / 15)  # of two words, each is the other's rest
    assert found["agreed", "ann~bob"].low < 0.75 < found["agreed", "ann~bob"].high
    turned = _said("captions", pa.Table.from_pylist(rows[::-1], schema=COLUMNS))
    assert compare_verdicts(turned, bootstraps=50) == found
