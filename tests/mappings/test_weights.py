from __future__ import annotations

from decimal import Decimal

import pytest

from mappings.shipstation_shapes import Weight
from mappings.weights import grams, same_weight, shipstation_weight, total_weight


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        pytest.param(350.0, "GRAMS", "350", id="grams"),
        pytest.param(0.1, "KILOGRAMS", "100", id="a float that is not exact"),
        pytest.param(1, "POUNDS", "453.59237", id="pound"),
        pytest.param(16, "OUNCES", "453.59237", id="sixteen ounces are a pound"),
        pytest.param(0, "GRAMS", None, id="zero is unset"),
        pytest.param(5, "STONES", None, id="unknown unit"),
    ],
)
def test_grams(value: float, unit: str, expected: str | None) -> None:
    assert grams({"value": value, "unit": unit}) == (None if expected is None else Decimal(expected))


def test_rounded_once_and_never_down_to_nothing() -> None:
    assert shipstation_weight(Decimal("0.001")) == {"value": Decimal("0.01"), "units": "grams"}
    assert shipstation_weight(Decimal("28.349523125")) == {"value": Decimal("28.35"), "units": "grams"}
    # Three ounces rounded each would be 85.05; the exact sum is 85.048...
    assert total_weight([(Decimal("28.349523125"), 3)]) == {"value": Decimal("85.05"), "units": "grams"}
    assert total_weight([(Decimal("28.349523125"), 1000)]) == {"value": Decimal("28349.52"), "units": "grams"}


def test_no_total_when_one_line_has_no_weight() -> None:
    assert total_weight([(Decimal(100), 1), (None, 1)]) is None
    assert total_weight([(Decimal(100), 1), (None, 0)]) == {"value": Decimal("100.00"), "units": "grams"}
    assert total_weight([]) is None


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        pytest.param(
            Weight(value=Decimal(350), units="grams"), Weight(value=Decimal("12.35"), units="ounces"), True, id="units"
        ),
        pytest.param(
            Weight(value=Decimal(350), units="grams"), Weight(value=Decimal(14), units="ounces"), False, id="scales"
        ),
        pytest.param(None, None, True, id="none"),
    ],
)
def test_same_weight(a: Weight | None, b: Weight | None, equal: bool) -> None:
    assert same_weight(a, b) is equal
