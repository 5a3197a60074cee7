"""Harness and tests find what we plant: a small part of the hunt. All of it: `python -m tests.simulation.mutants`."""

from __future__ import annotations

import pytest

from mappings import keys
from syncd.intake import package_feeds
from tests.simulation.mutants.hunt import failures
from tests.simulation.mutants.planting import Edit, planted
from tests.simulation.mutants.table import MUTANTS

BY_TESTS = ("signature_over_json", "redirects_followed", "synchronous_normal")
"""The quickest of those that a test of their own finds."""


def test_every_mutant_still_fits_the_daemon() -> None:
    assert len(MUTANTS) >= 35
    for mutant in MUTANTS.values():
        with planted(mutant.changes):
            pass


def test_a_mutant_is_planted_everywhere_and_leaves_nothing_behind() -> None:
    before = vars(package_feeds)["OVERLAP"]
    with planted([*MUTANTS["key_without_location"].changes, *MUTANTS["cursor_without_overlap"].changes]):
        assert keys.order_key("main", 5, 82, 1) == "main-5-1-1"
        assert vars(package_feeds)["OVERLAP"] < before
    assert keys.order_key("main", 5, 82, 1) == "main-5-82-1"
    assert vars(package_feeds)["OVERLAP"] is before


def test_a_mutant_that_no_longer_fits_is_refused() -> None:
    edit = Edit(keys.order_key, "words that are not there", "others")
    with pytest.raises(ValueError, match="order_key says 0 times"), planted([edit]):
        pass


@pytest.mark.parametrize("name", BY_TESTS)
def test_the_test_that_knows_a_mutant_finds_it(name: str) -> None:
    assert failures([MUTANTS[name].test], plant=name)
