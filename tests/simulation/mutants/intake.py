"""Mutants of the way in: webhooks, inbox, feeds and their cursors."""

from __future__ import annotations

from datetime import timedelta

from mappings import pacific
from syncd.intake import package_feeds
from syncd.intake.feeds import ChangeFeed, Feeds
from syncd.intake.inbox import Inbox
from syncd.intake.package_feeds import PackageFeed
from syncd.intake.reader import Reader
from syncd.intake.server import Webhooks
from syncd.intake.shifts import Shift
from syncd.operate import subscriptions
from syncd.shopify import nodes, webhooks
from syncd.store import versions
from syncd.store.leases import take_lease
from tests.simulation.mutants.planting import Constant, Edit, Mutant

SAID = '__import__("asyncio").get_running_loop().__dict__.setdefault("said", {})'
"""Where the last webhook of each order is kept: the loop lasts as long as one seed."""

INTAKE = (
    Mutant(
        "ack_before_commit",
        "a webhook is answered before it is on disk",
        (Edit(Inbox.keep, "await kept\n", "return\n"),),
        needs=("db_busy",),
    ),
    Mutant(
        "read_before_marked",
        "a webhook counts as read before its mark is committed",
        (
            Edit(Reader._read, "mark_told(marks, now)(session)", "mark_told([], now)(session)"),
            Edit(
                Reader.read_some,
                "if any(isinstance(hint, Mark) for hint in hints):",
                "await self._db.run(mark_told([one for one in hints if isinstance(one, Mark)], self._clock.now()))\n"
                "    if any(isinstance(hint, Mark) for hint in hints):",
            ),
        ),
        needs=("db_busy", "webhooks alone",),
    ),
    Mutant(
        "deduped_by_event",
        "two webhooks of one event under different topics count as one",
        (Edit(Webhooks.shopify_posted, '"X-Shopify-Webhook-Id"', '"X-Shopify-Event-Id"'),),
    ),
    Mutant(
        "webhook_believed",
        "payment and cancellation are taken from the last webhook that came, not from Shopify",
        (
            Edit(
                webhooks.hints_of,
                "subject = order_subject(store, order_id)",
                'subject = order_subject(store, order_id)\n    if kind == "orders" and "financial_status" in said:\n'
                f"        {SAID}[order_id] = said",
            ),
            Edit(
                nodes._order,
                "return decoded(shape, await _completed(client, node, urgent))",
                f"said = {SAID}.get(order_id)\n"
                '        if said and "displayFinancialStatus" in node:\n'
                '            node["displayFinancialStatus"] = (said["financial_status"] or "pending").upper()\n'
                '            node["cancelledAt"] = said.get("cancelled_at")\n'
                "        return decoded(shape, await _completed(client, node, urgent))",
            ),
        ),
        test="tests/intake/test_feeds.py::test_a_payment_that_no_webhook_told_is_found_although_the_last_one_said_unpaid",
    ),
    Mutant(
        "cursor_by_our_clock",
        "the watermark of a feed is our time and not the vendor's",
        (
            Edit(
                ChangeFeed.poll,
                "watermark = moved(watermark, (row.updated_at for row in page), self._clock.now())",
                "watermark = self._clock.now()",
            ),
            Edit(
                PackageFeed.poll,
                "watermark = moved(watermark, times_of(page.rows, self._source.time_member), self._clock.now())",
                "watermark = self._clock.now()",
            ),
        ),
        needs=("feeds alone", "clock ahead"),
    ),
    Mutant(
        "cursor_without_overlap",
        "a feed begins exactly where it ended: what the list shows late is never seen",
        (Constant("syncd.intake.feeds", "OVERLAP", timedelta(0)),),
        needs=("feeds alone", "index_lag",),
    ),
    Mutant(
        "cursor_before_marks",
        "a feed moves its cursor, then keeps what it read",
        (
            Edit(
                ChangeFeed.poll,
                "async for page in",
                "await self._db.run(advance(self.name, self._clock.now(), None, self._clock.now()))\n    async for page in",
            ),
            Edit(
                PackageFeed.poll,
                "async for page in",
                "await self._db.run(advance(self.name, began, began.isoformat(), began))\n    async for page in",
            ),
        ),
        needs=("feeds alone", "outages", "kill",),
    ),
    Mutant(
        "no_back_fill",
        "a feed looks at the last minutes only: what happened while the daemon was away is passed over",
        (
            Edit(ChangeFeed.poll, "known.watermark if known and known.watermark else self._begin_at", "self._clock.now()"),
            Edit(PackageFeed.poll, "known.watermark if known and known.watermark else self._begin_at", "began"),
        ),
        needs=("feeds alone", "outages", "kill",),
    ),
    Mutant(
        "same_second_passed_over",
        "an order that changed again in the second in which it was read is not news",
        (
            Edit(versions.is_other_version, "seen.updated_at != updated_at or _is_unseen(updated_at, seen)", "seen.updated_at != updated_at"),
            Edit(versions._is_unseen, "seen.seen_at - CLOCK_MARGIN < updated_at", "seen.seen_at < updated_at"),
        ),
        test="tests/intake/test_feeds.py::test_an_order_that_changes_again_in_the_second_in_which_it_was_read_is_news",
    ),
    Mutant(
        "voids_forgotten",
        "nobody asks which labels were voided",
        (
            Edit(
                package_feeds.package_lists,
                'PackageList("shipstation.voids", lambda at: shipstation.shipments_voided_since(at, urgency), "voidDate", False),',
                "",
            ),
        ),
    ),
    Mutant(
        "local_time_for_pacific",
        "ShipStation's lists are asked for in the time zone of the East",
        (Edit(pacific.filter_start, "early.astimezone(PACIFIC)", "early.astimezone(ZoneInfo('America/New_York'))"),),
        needs=("feeds alone",),
    ),
    Mutant(
        "autumn_hour_forgotten",
        "the hour that comes twice in autumn is asked for once",
        (Edit(pacific.filter_start, "since if before == after else since - AROUND_CHANGE", "since"),),
        needs=("feeds alone", "autumn"),
    ),
    Mutant(
        "shift_of_the_dead",
        "the shift of a replica that died never runs out",
        (Edit(Shift.do, "take_lease(self.name, token, began, SHIFT_S)", "take_lease(self.name, token, began, 10.0**9)"),
         Edit(Shift._keep, "timedelta(seconds=SHIFT_S)", "timedelta(seconds=10.0**9)"),
         Edit(take_lease, "now + FAR_AHEAD", "now + 10**7 * FAR_AHEAD")),
        needs=("kill",),
    ),
    Mutant(
        "nudge_lost",
        "a nudge that comes during a look is forgotten",
        (
            Edit(Feeds.work, "nudged.clear()\n", "pass\n"),
            Edit(Feeds.work, "await self._look(feed, self._wanted.pop(feed.name, self._clock.now()))", "await self._look(feed, self._wanted.pop(feed.name, self._clock.now()))\n        nudged.clear()"),
        ),
        test="tests/intake/test_feeds.py::test_a_nudge_that_comes_during_a_look_is_another_look",
    ),
    Mutant(
        "never_subscribed_again",
        "a subscription that the vendor dropped stays away",
        (
            Edit(
                subscriptions._restore_shop,
                "missing = [topic for enum, topic in wanted.items() if enum not in there]",
                "missing = [] if there else list(wanted.values())",
            ),
        ),
    ),
)  # fmt: skip
