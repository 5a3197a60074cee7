"""What the units of one order add up to, in a bulk look at ShipStation."""

from __future__ import annotations

from collections import Counter

import pytest

from mappings.causes import Cause
from mappings.plans import Standing
from mappings.sweeping import Placed, Sight, judge

MINE, OTHER = 5001, 5002
LINE = 7001


@pytest.mark.parametrize("standing", [Standing.OPEN, Standing.SHIPPED])
@pytest.mark.parametrize("status", ["awaiting_shipment", "shipped"])
@pytest.mark.parametrize(("units", "cause"), [(2, None), (3, Cause.DOUBLED_THERE), (1, Cause.UNITS_CHANGED_THERE)])
def test_what_was_merged_lies_in_what_absorbed_it(
    standing: Standing, status: str, units: int, cause: Cause | None
) -> None:
    """Whatever we think of it: one that counts as shipped, because its void was never seen, is merged all the same."""
    placed = Placed("main-5001-82734627-1", standing, 90001, Counter({LINE: 2}))
    held = {OTHER: Counter({7002: 1}), MINE: Counter({LINE: units})}
    survivor = Sight(90002, "main-5002-82734627-1", "#1002", status, held, frozenset({90001}), True)
    found = judge(MINE, [placed], [survivor], (), ())
    assert (found.cause if found else None) is cause
