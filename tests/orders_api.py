"""Stories are told of both of ShipStation's APIs: `SYNCD_TEST_ORDERS_API=v2` tells them of the second."""

from __future__ import annotations

import pytest

from syncd.simulation.day import ON_V2

ON_V1_ALONE = pytest.mark.skipif(ON_V2, reason="V2 has no such thing: see docs/v2.md")
