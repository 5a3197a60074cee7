from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.keys import LONGEST_ORDER_KEY, line_item_key, line_of, longest_store_name, order_key, split_order_key

stores = st.from_regex(r"[a-z][a-z0-9_-]{0,15}", fullmatch=True)


@given(stores, st.integers(1, 10**15 - 1), st.integers(1, 10**13 - 1), st.integers(1, 999))
def test_a_key_is_short_and_says_where_it_comes_from(store: str, order_id: int, location_id: int, n: int) -> None:
    key = order_key(store, order_id, location_id, n)
    assert len(key) <= LONGEST_ORDER_KEY
    assert split_order_key(key) == (store, order_id, location_id, n)


def test_the_longest_store_name_fits_and_a_longer_one_is_refused_not_cut() -> None:
    longest = "s" * longest_store_name()
    assert len(order_key(longest, 10**15 - 1, 10**13 - 1, 999)) == LONGEST_ORDER_KEY
    with pytest.raises(ValueError, match="51 characters"):
        order_key(longest + "s", 10**15 - 1, 10**13 - 1, 999)
    with pytest.raises(ValueError, match="ASCII"):
        order_key("läden", 1, 1, 1)


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "1234",
        "main-1-2",
        "main-a-2-3",
        "{00000000-0000-0000-0000-000000000000}",
        "manual-123",
        "-1-2-3",
        "m-1-2-3\n",
    ],
)
def test_foreign_order_keys_are_not_ours(key: str | None) -> None:
    assert split_order_key(key) is None


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_line_item_key_finds_its_line(order_id: int, line_id: int) -> None:
    assert line_of(line_item_key(order_id, line_id)) == (order_id, line_id)


@pytest.mark.parametrize("key", [None, "", "vd08-MSLbtx", "5001:adjustment", "1:2:3", ":1", "1:", "٣:٤"])
def test_foreign_line_item_keys_are_not_ours(key: str | None) -> None:
    assert line_of(key) is None


def test_numbers_that_no_database_holds_are_nobodys() -> None:
    assert line_of(f"{10**19 - 1}:1") is None
    assert split_order_key(f"main-{10**19 - 1}-1-1") is None
