"""What is kept of stock, and which goods ShipStation holds for us, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mappings.plans import Standing
from syncd.ports import Db
from syncd.store.consignments import ConsignmentUpdate, NewConsignment, record_consignments, take_order_keys
from syncd.store.journal import ClosedEntry, NewEntry, close_intents, history, open_intents
from syncd.store.orders import record_orders
from syncd.store.packages import SeenPackage, adopt_fulfillment, record_packages
from syncd.store.schema import OrderRow
from syncd.store.stock import (
    Control,
    abandon_open,
    freeze_stock,
    held_goods,
    keep_report,
    keys_in_shipstation,
    open_keys,
    release_stock,
    stock_controls,
    thaw_stock,
)
from syncd.store.transaction import together

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TAKEN_BACK = ["late"]


async def test_a_release_keeps_its_first_time_beside_freezes_and_reports(db: Db) -> None:
    assert await db.run(stock_controls()) == {}
    await db.run(
        together(keep_report("main", "{}", NOW), release_stock("main", "a", NOW), release_stock("main", "a", LATER))
    )
    await db.run(freeze_stock("main", NOW, LATER))
    assert await db.run(stock_controls()) == {"main": Control(NOW, "a", NOW, LATER, NOW, "{}")}
    await db.run(together(thaw_stock("main"), release_stock("main", "b", LATER), release_stock("other", "c", LATER)))
    assert await db.run(stock_controls()) == {
        "main": Control(LATER, "b", None, None, NOW, "{}"),
        "other": Control(LATER, "c"),
    }


def test_a_freeze_ends_with_its_time() -> None:
    assert not Control().is_frozen(NOW)
    assert Control(frozen_at=NOW).is_frozen(LATER)
    assert Control(frozen_at=NOW, frozen_until=LATER).is_frozen(NOW)
    assert not Control(frozen_at=NOW, frozen_until=LATER).is_frozen(LATER)


async def an_order(
    db: Db, order_id: int, standing: Standing, closed_at: datetime | None = None, cause: str = "queued"
) -> str:
    key = f"main-{order_id}-1-1"
    row = NewConsignment(key, "main", order_id, 1, "", 1, "intended")
    order = OrderRow(
        store="main", order_id=order_id, name=f"#{order_id}", state="queued", cause=cause, since=NOW, seen_at=NOW, closed_at=closed_at
    )  # fmt: skip
    update = ConsignmentUpdate(key, standing, order_id, f'{{"order":{order_id}}}')
    await db.run(together(take_order_keys([row], NOW), record_orders([order]), record_consignments([update], NOW)))
    return key


async def a_package(db: Db, order_id: int, gid: str | None, lines: str | None, is_split_off: bool = False) -> None:
    key = None if is_split_off else f"main-{order_id}-1-1"
    name = f"s{order_id}{gid or ''}"
    seen = SeenPackage(name, "main", order_id, False, "1Z", "ups", "ground", None, key, lines)
    await db.run(record_packages([seen], NOW))
    if gid:
        await db.run(adopt_fulfillment(name, "main", order_id, gid))


async def test_goods_are_held_while_open_or_until_shopify_was_told(db: Db) -> None:
    await an_order(db, 101, Standing.OPEN)
    await an_order(db, 102, Standing.INTENDED)
    await an_order(db, 103, Standing.CANCELLED)
    await an_order(db, 104, Standing.SHIPPED)
    await a_package(db, 104, None, '{"7":1}')
    await an_order(db, 105, Standing.SHIPPED)
    await a_package(db, 105, "gid://shopify/Fulfillment/1", '{"7":1}')
    await an_order(db, 106, Standing.OPEN, closed_at=NOW)
    await an_order(db, 107, Standing.OPEN)
    await a_package(db, 107, "gid://shopify/Fulfillment/2", '{"8":2}')
    keys = await db.run(keys_in_shipstation())
    assert keys == [f"main-{number}-1-1" for number in (101, 104, 106, 107)]
    held = await db.run(held_goods([*keys, "main-103-1-1", "main-102-1-1"], TAKEN_BACK))
    assert sorted((one.applied, one.told) for one in held) == [
        ('{"order":101}', ()),
        ('{"order":102}', ()),
        ('{"order":104}', ()),
        ('{"order":107}', ('{"8":2}',)),
    ]


async def test_what_left_and_shopify_does_not_know_is_told_apart(db: Db) -> None:
    keys = [await an_order(db, number, Standing.SHIPPED) for number in (101, 102)]
    await a_package(db, 101, None, '{"7":1}')
    await a_package(db, 102, "gid://shopify/Fulfillment/2", '{"7":1}')
    held = await db.run(held_goods(keys, TAKEN_BACK))
    assert sorted((one.told, one.untold) for one in held) == [((), ('{"7":1}',)), (('{"7":1}',), ())]


async def test_what_has_no_answer_yet_is_doubtful(db: Db) -> None:
    keys = [await an_order(db, number, Standing.OPEN) for number in (101, 102, 103)]
    await a_package(db, 101, None, '{"7":1}')
    await a_package(db, 103, None, '{"7":1}')
    begun = [
        NewEntry("b", "shipments", "main", 101, "create_fulfillment", "s101"),
        NewEntry("b", "orders", "main", 102, "cancel_order", keys[1]),
        NewEntry("b", "shipments", "main", 103, "create_fulfillment", "s103"),
    ]
    *_, third = await db.run(open_intents(begun, NOW))
    await db.run(close_intents([ClosedEntry(third, "refused")], NOW))
    held = await db.run(held_goods(keys, TAKEN_BACK))
    assert [(one.applied, one.doubtful) for one in sorted(held, key=lambda one: one.applied)] == [
        ('{"order":101}', ('{"7":1}',)),
        ('{"order":102}', (None,)),
        ('{"order":103}', ()),
    ]


async def test_what_left_in_a_part_that_was_split_off_is_held_no_more(db: Db) -> None:
    keys = [await an_order(db, 101, Standing.OPEN), await an_order(db, 102, Standing.OPEN)]
    await db.run(take_order_keys([NewConsignment("main-102-2-1", "main", 102, 2, "", 1, "intended")], NOW))
    await a_package(db, 101, "gid://shopify/Fulfillment/1", '{"7":1}', is_split_off=True)
    await a_package(db, 102, "gid://shopify/Fulfillment/2", '{"7":1}', is_split_off=True)
    held = await db.run(held_goods(keys, TAKEN_BACK))
    assert sorted((one.applied, one.told, one.unnamed) for one in held) == [
        ('{"order":101}', (), ('{"7":1}',)),
        ('{"order":102}', (), ()),
    ]


async def test_what_left_in_a_part_may_have_left_from_what_was_cancelled(db: Db) -> None:
    keys = [await an_order(db, number, Standing.OPEN) for number in (101, 102)]
    for number in (101, 102):
        key = f"main-{number}-1-2"
        update = ConsignmentUpdate(key, Standing.CANCELLED, 900 + number, '{"order":"before"}')
        await db.run(take_order_keys([NewConsignment(key, "main", number, 1, "", 2, "intended")], NOW))
        await db.run(record_consignments([update], NOW))
    await a_package(db, 101, "gid://shopify/Fulfillment/1", '{"7":1}', is_split_off=True)
    held = await db.run(held_goods(keys, TAKEN_BACK))
    assert sorted((one.unnamed, one.cancelled) for one in held) == [((), ()), (('{"7":1}',), ('{"order":"before"}',))]


async def test_what_left_and_was_taken_back_in_shopify_is_held_no_more(db: Db) -> None:
    keys = [
        await an_order(db, 101, Standing.SHIPPED, cause="late"),
        await an_order(db, 102, Standing.OPEN, cause="late"),
    ]
    await a_package(db, 101, None, '{"7":1}')
    assert await db.run(keys_in_shipstation()) == keys
    assert [one.applied for one in await db.run(held_goods(keys, TAKEN_BACK))] == ['{"order":102}']


async def test_what_can_no_longer_be_carried_out_is_closed(db: Db) -> None:
    entries = [NewEntry("b", "stock", "main", 1, "change_stock", sku) for sku in ("A", "B")]
    _, second = await db.run(open_intents(entries, NOW))
    await db.run(open_intents([NewEntry("b", "orders", "main", 1, "create_order", "key")], NOW))
    await db.run(open_intents([NewEntry("b", "stock", "main", 1, "change_stock", "C")], LATER))
    await db.run(close_intents([ClosedEntry(second, "confirmed")], NOW))
    assert await db.run(open_keys("stock", "main", 1)) == {"A", "C"}
    assert await db.run(abandon_open("stock", LATER)) == 1
    assert await db.run(open_keys("stock", "main", 1)) == {"C"}
    outcomes = [(one.key, one.outcome) for one in await db.run(history("main", 1))]
    assert outcomes == [("A", "abandoned"), ("B", "confirmed"), ("key", "intended"), ("C", "intended")]
