"""A batch of orders: one outcome for each, whatever the answer looks like, and one bad row harms no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from syncd.errors import AccessError, ConflictError, RejectedError, SyncError, TransientError, UncertainError
from syncd.ports import Request, Response
from syncd.sandbox.shipstation.faults import FaultRule
from syncd.shipstation.reads import subscriptions
from syncd.shipstation.writes import RowOutcome, subscribe, unsubscribe, upsert_orders
from tests.shipstation.account import ORDERS, Account, Scripted, document

KEYS = [f"main-{number}-82734627-1" for number in range(100)]


async def _push(account: Account, keys: list[str] = KEYS, **fields: Any) -> dict[str, RowOutcome]:
    return await account.do(upsert_orders(account.client, [document(key, **fields) for key in keys], ORDERS))


def _error(outcome: RowOutcome) -> tuple[type[SyncError] | None, str | None]:
    return (type(outcome.error), outcome.error.code) if outcome.error else (None, None)


async def test_a_hundred_orders_take_one_call() -> None:
    account = Account()
    outcomes = await _push(account)
    assert list(outcomes) == KEYS
    assert all(outcome.order_id and not outcome.error for outcome in outcomes.values())
    assert account.calls() == 1
    again = await _push(account)
    assert again == outcomes


async def test_amounts_arrive_digit_by_digit() -> None:
    http = Scripted(Response(200, {}, b'{"results":[]}'))
    await _push(Account(http), KEYS[:1])
    assert b'"unitPrice":9.50' in (http.requests[0].body or b"")


async def test_a_refused_row_is_alone() -> None:
    account = Account()
    documents = [document(KEYS[0], shipTo={"name": "", "country": "US"}), document(KEYS[1])]
    outcomes = await account.do(upsert_orders(account.client, documents, ORDERS))
    assert _error(outcomes[KEYS[0]]) == (RejectedError, "row_refused")
    assert outcomes[KEYS[1]].order_id


async def test_a_shipped_order_is_a_conflict() -> None:
    account = Account()
    outcomes = await _push(account, KEYS[:1])
    account.world.control("buy_label", {"order": outcomes[KEYS[0]].order_id})
    outcomes = await _push(account, KEYS[:1], amountPaid=1)
    assert _error(outcomes[KEYS[0]]) == (ConflictError, "order_locked")


async def test_a_locked_order_that_makes_the_vendor_refuse_all_is_found() -> None:
    account = Account(locked_order_style="status_400")
    outcomes = await _push(account)
    account.world.control("buy_label", {"order": KEYS[41]})
    account.world.calls.total = 0
    outcomes = await _push(account)
    assert [key for key, outcome in outcomes.items() if outcome.error] == [KEYS[41]]
    assert _error(outcomes[KEYS[41]]) == (ConflictError, "order_locked")
    assert account.calls() <= 15


async def test_an_order_that_was_merged_meanwhile_does_not_keep_the_others_back() -> None:
    """Named by its id it is not found, and with it the whole call is refused."""
    account = Account(locked_order_style="status_400")
    there = await _push(account, KEYS[:3])
    account.world.control("merge", {"orders": [there[KEYS[0]].order_id, there[KEYS[1]].order_id]})
    documents = [document(key, orderId=there[key].order_id, amountPaid=1) for key in KEYS[:3]]
    outcomes = await account.do(upsert_orders(account.client, documents, ORDERS))
    assert _error(outcomes[KEYS[1]]) == (ConflictError, "order_gone")
    assert [key for key, outcome in outcomes.items() if outcome.error] == [KEYS[1]]


def _failing_on(*bad: str, status: int = 500) -> Callable[[Request], Response]:
    """A vendor that fails on every call that holds one of these keys."""

    def answer(request: Request) -> Response:
        keys = [row["orderKey"] for row in json.loads(request.body or b"[]")]
        if set(keys) & set(bad):
            return Response(status, {}, b'{"ExceptionMessage":"Object reference"}')
        rows = [{"orderId": KEYS.index(key) + 1, "orderKey": key, "success": True} for key in keys]
        return Response(200, {}, json.dumps({"hasErrors": False, "results": rows}).encode())

    return answer


@pytest.mark.parametrize("status", [400, 500])
@pytest.mark.parametrize("bad", [KEYS[:1], KEYS[99:], [KEYS[3], KEYS[77]]], ids=["first", "last", "two"])
async def test_a_row_that_breaks_its_call_is_refused_alone(status: int, bad: list[str]) -> None:
    http = Scripted(_failing_on(*bad, status=status))
    outcomes = await _push(Account(http))
    failed = {key: _error(outcome) for key, outcome in outcomes.items() if outcome.error}
    assert failed == dict.fromkeys(bad, (RejectedError, f"http_{status}"))
    assert len(http.requests) <= 32


async def test_a_call_that_fails_by_chance_while_a_bad_row_is_looked_for_refuses_no_good_one() -> None:
    honest = _failing_on(KEYS[3])
    by_chance = [KEYS[0]]

    def answer(request: Request) -> Response:
        keys = [row["orderKey"] for row in json.loads(request.body or b"[]")]
        if keys == by_chance:
            by_chance.clear()
            return Response(500, {}, b"")
        return honest(request)

    outcomes = await _push(Account(Scripted(answer)), KEYS[:4])
    assert {key: _error(outcome) for key, outcome in outcomes.items() if outcome.error} == {
        KEYS[3]: (RejectedError, "http_500")
    }


async def test_what_a_failed_call_held_stays_in_doubt_when_the_next_one_cannot_be_made() -> None:
    """It was sent once, and may have arrived."""
    failed = Response(500, {}, b"")
    http = Scripted(failed, TransientError("no_connection"))
    outcomes = await _push(Account(http), KEYS[:4])
    assert {_error(outcome) for outcome in outcomes.values()} == {(UncertainError, "http_500")}


async def test_what_has_left_by_the_second_call_may_have_been_taken_by_the_first() -> None:
    """390135: it was, and then a label was bought, and another address typed in: what was sent has to be known then."""
    locked = Response(400, {}, b'{"Message":"Order #1472 cannot be modified."}')
    http = Scripted(Response(500, {}, b""), Response(500, {}, b""), locked, Response(500, {}, b""))
    outcomes = await _push(Account(http), KEYS[:2])
    assert _error(outcomes[KEYS[0]]) == (UncertainError, "http_500")


async def test_a_single_row_that_fails_is_uncertain() -> None:
    outcomes = await _push(Account(Scripted(_failing_on(KEYS[0]))), KEYS[:1])
    assert _error(outcomes[KEYS[0]]) == (UncertainError, "http_500")


async def test_a_single_row_that_is_refused_is_refused() -> None:
    outcomes = await _push(Account(Scripted(_failing_on(KEYS[0], status=400))), KEYS[:1])
    assert _error(outcomes[KEYS[0]]) == (RejectedError, "http_400")


@pytest.mark.parametrize(("status", "kind"), [(500, UncertainError), (400, TransientError)])
async def test_an_outage_is_not_searched_for_a_bad_row(status: int, kind: type[SyncError]) -> None:
    http = Scripted(_failing_on(*KEYS, status=status))
    outcomes = await _push(Account(http))
    assert {_error(outcome) for outcome in outcomes.values()} == {(kind, f"http_{status}")}
    assert len(http.requests) == 9


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request", "html", "truncated"])
async def test_without_an_answer_every_row_is_uncertain_and_nothing_is_sent_twice(fault: Any) -> None:
    account = Account()
    account.world.faults.set([FaultRule(fault)])
    outcomes = await _push(account)
    assert {type(outcome.error) for outcome in outcomes.values()} == {UncertainError}
    assert account.calls() == 1


async def test_a_row_that_the_answer_forgets_is_uncertain() -> None:
    account = Account()
    account.world.faults.set([FaultRule("row_missing")])
    outcomes = await _push(account)
    missing = [outcome for outcome in outcomes.values() if outcome.error]
    assert [_error(outcome) for outcome in missing] == [(UncertainError, "row_missing")]
    assert len(outcomes) == 100


async def test_rows_are_matched_by_key() -> None:
    account = Account()
    first = await _push(account)
    account.world.faults.set([FaultRule("row_reorder")])
    assert await _push(account) == first


ROWS = {
    "no_id": ([{"orderKey": "k", "orderId": None, "success": True}], UncertainError, "row_without_id"),
    "contradiction": (
        [{"orderKey": "k", "orderId": 1, "success": True}, {"orderKey": "k", "orderId": 2, "success": True}],
        UncertainError,
        "row_doubled",
    ),
    "said_twice": ([{"orderKey": "k", "orderId": 1, "success": True}] * 2, None, None),
    "another_key": ([{"orderKey": "K", "orderId": 1, "success": True}], UncertainError, "row_missing"),
    "no_verdict": ([{"orderKey": "k", "orderId": 1}], UncertainError, "row_failed"),
    "deadlock": ([{"orderKey": "k", "success": False, "errorMessage": "Deadlock"}], UncertainError, "row_failed"),
    "no_words": ([{"orderKey": "k", "success": False}], RejectedError, "row_refused"),
    "no_rows": (None, UncertainError, "row_missing"),
    "nonsense": ([None, 7, {"orderKey": []}], UncertainError, "row_missing"),
}


@pytest.mark.parametrize(("rows", "kind", "code"), ROWS.values(), ids=ROWS)
async def test_an_answer_is_read_row_by_row(rows: Any, kind: type[SyncError] | None, code: str | None) -> None:
    http = Scripted(Response(200, {}, json.dumps({"hasErrors": False, "results": rows}).encode()))
    outcomes = await _push(Account(http), ["k"])
    assert _error(outcomes["k"]) == (kind, code)


async def test_trouble_of_the_account_is_raised() -> None:
    account = Account(access="plan")
    with pytest.raises(AccessError):
        await _push(account)


@pytest.mark.parametrize("keys", [["a", "a"], ["a", ""], [str(number) for number in range(101)]])
async def test_a_batch_that_would_lose_rows_is_not_sent(keys: list[str]) -> None:
    account = Account()
    with pytest.raises(ValueError, match="a key of its own"):
        await _push(account, keys)
    assert account.calls() == 0


async def test_nothing_to_send_costs_nothing() -> None:
    account = Account()
    assert await _push(account, []) == {}
    assert account.calls() == 0


async def test_webhooks_are_subscribed_listed_and_left() -> None:
    account = Account()
    webhook_id = await account.do(subscribe(account.client, "SHIP_NOTIFY", "https://sync.example.com/x", "syncd"))
    (found,) = await account.do(subscriptions(account.client))
    assert found == (webhook_id, "SHIP_NOTIFY", "https://sync.example.com/x")
    await account.do(unsubscribe(account.client, webhook_id))
    assert await account.do(subscriptions(account.client)) == []
