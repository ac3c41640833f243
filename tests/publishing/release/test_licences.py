"""Licences: names as people write them, and what may stand together under what."""

import pytest

from perceptdata.publishing.release.licences import LICENCES, Holding, find, hub_name, settle


def holding(licence: str, corpus: str = "A", use: str = "train", rows: int = 7) -> Holding:
    return Holding(corpus, licence, use, rows)


@pytest.mark.parametrize(
    ("written", "spdx"),
    [
        ("MIT", "MIT"),
        ("mit license", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache-2.0", "Apache-2.0"),
        ("apache 2", "Apache-2.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("CC0", "CC0-1.0"),
        ("cc0-1.0", "CC0-1.0"),
        ("ODC-BY", "ODC-By-1.0"),
        ("GPLv3", "GPL-3.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
    ],
)
def test_a_licence_is_found_by_any_of_its_names(written: str, spdx: str) -> None:
    found = find(written)
    assert found is not None
    assert found.spdx == spdx


@pytest.mark.parametrize("written", ["", "internal", "unstated", "see the website", "CC BY", "MITx", "proprietary"])
def test_what_is_no_licence_is_not_taken_for_one(written: str) -> None:
    assert find(written) is None
    assert hub_name(written) is None


def test_every_licence_is_found_by_its_own_names_and_knows_what_it_asks() -> None:
    for spdx, licence in LICENCES.items():
        assert find(spdx) is find(licence.hub) is licence
        assert set(licence.share_alike) <= LICENCES.keys()


def test_permissive_licences_stand_beside_each_other() -> None:
    settled = settle([holding("MIT"), holding("CC BY 4.0", "B"), holding("apache-2.0", "C")])
    assert settled.problems == ()
    assert settled.licences == ("Apache-2.0", "CC-BY-4.0", "MIT")


def test_share_alike_rules_the_whole() -> None:
    settled = settle([holding("MIT"), holding("CC BY-SA 4.0", "B")])
    assert (settled.licences, settled.problems) == (("CC-BY-SA-4.0",), ())
    later = settle([holding("CC-BY-SA-3.0"), holding("CC-BY-SA-4.0", "B")])
    assert (later.licences, later.problems) == (("CC-BY-SA-4.0",), ())
    one_way = settle([holding("CC-BY-SA-4.0"), holding("GPL-3.0", "B")])
    assert (one_way.licences, one_way.problems) == (("GPL-3.0",), ())


def test_two_share_alike_licences_that_no_licence_suits_are_a_conflict() -> None:
    (problem,) = settle([holding("ODbL-1.0", "Maps"), holding("CC-BY-SA-4.0", "Wiki", rows=1200)]).problems
    assert "no licence suits all: Maps (7 rows, ODbL-1.0); Wiki (1,200 rows, CC-BY-SA-4.0)" in problem


def test_non_commercial_rows_are_refused_and_clash_with_share_alike() -> None:
    alone, clash = settle([holding("CC-BY-NC-4.0", "We-Math"), holding("CC-BY-SA-4.0", "Wiki")]).problems
    assert alone.startswith("We-Math (7 rows, CC-BY-NC-4.0) may not be used commercially")
    assert "--allow 'We-Math'" in alone
    assert "would have to carry CC-BY-SA-4.0, which allows commerce" in clash
    (within,) = settle([holding("CC-BY-NC-SA-4.0"), holding("CC-BY-NC-4.0", "B")], allow=["A"]).problems
    assert within.startswith("B (7 rows")  # both non-commercial: no clash between them


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (holding("unstated"), "states no licence"),
        (holding(""), "states no licence"),
        (holding("internal"), "has a licence that is not known to let others pass it on"),
        (holding("CC-BY-ND-4.0"), "may not be passed on changed"),
        (holding("MIT", use="evaluate"), "is for evaluation: published as training data it would spoil that"),
        (holding("MIT", use="research"), "is for research only"),
    ],
)
def test_what_is_refused_by_default_says_which_corpus_how_many_rows_and_what_to_do(given: Holding, words: str) -> None:
    (problem,) = settle([given]).problems
    assert words in problem
    assert "A (7 rows" in problem
    assert "--allow 'A'" in problem
    allowed = settle([given], allow=["A"])
    assert (allowed.problems, allowed.waived) == ((), (problem,))


def test_a_stated_licence_serves_corpora_without_one_and_no_other() -> None:
    settled = settle([holding("unstated"), holding("MIT", "B")], licence="CC-BY-4.0")
    assert (settled.licences, settled.problems) == (("CC-BY-4.0",), ())
    (problem,) = settle([holding("internal")], licence="CC-BY-4.0").problems
    assert "not known to let others pass it on" in problem


def test_a_stated_licence_that_asks_less_than_the_corpora_is_refused() -> None:
    (problem,) = settle([holding("CC-BY-SA-4.0", "Wiki"), holding("MIT", "B")], licence="MIT").problems
    assert (
        problem == "Wiki (7 rows, CC-BY-SA-4.0) cannot be published under MIT, which asks less than their own licence"
    )
    assert settle([holding("CC-BY-SA-4.0", "Wiki")], licence="MIT", allow=["Wiki"]).problems == ()
