from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.canonical import MAPPING_VERSION, canonical, differing_fields, digest, dumps, loads, same

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12)
leaves = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | numbers | st.text(max_size=8)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Decimal("1.50"), "1.5", id="trailing zero"),
        pytest.param(Decimal("2.00"), "2", id="whole"),
        pytest.param(Decimal("1E+3"), "1000", id="exponent"),
        pytest.param(Decimal("-0.00"), "0", id="minus zero"),
        pytest.param(
            Decimal("1234567890123456789012345678901234.10"), "1234567890123456789012345678901234.1", id="long"
        ),
        pytest.param({"b": 1, "a": [True, None]}, '{"a":[true,null],"b":1}', id="keys sorted"),
        pytest.param("\ud800", '"\\ud800"', id="lone surrogate"),
    ],
)
def test_one_text_for_all_spellings(value: object, text: str) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize(
    "value", [float("nan"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e999999"), {1, 2}, b"x"]
)
def test_refuses_what_has_no_exact_form(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        dumps({"a": value})


def test_compares_no_floats() -> None:
    with pytest.raises(TypeError):
        canonical({"a": 1.5})


@pytest.mark.parametrize("text", ['{"a": NaN}', "[Infinity]", "{"])
def test_refuses_what_is_not_json(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - two kinds of it
        loads(text)


@given(documents)
def test_what_is_sent_is_what_is_read(document: Any) -> None:
    text = dumps(document)
    assert same(loads(text), document)
    json.loads(text)


def shuffled(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: shuffled(document[key]) for key in reversed(list(document))}
    if isinstance(document, list):
        return [shuffled(item) for item in document]
    return document + Decimal("0.000000") if isinstance(document, Decimal) else document


@given(documents)
def test_digest_ignores_key_order_and_number_spelling(document: Any) -> None:
    assert digest(shuffled(document)) == digest(document)


def test_digest_names_the_mapping_version() -> None:
    assert digest({}).startswith(f"{MAPPING_VERSION}:")


def test_differing_fields_compares_values_not_spelling() -> None:
    a = {"amount": Decimal("1.50"), "note": None, "name": "x", "items": [{"q": 1}]}
    b = {"amount": Decimal("1.5"), "name": "y", "items": [{"q": 2}]}
    assert differing_fields(a, b) == ("items", "name")
    assert differing_fields(a, b, ["name", "note"]) == ("name",)
