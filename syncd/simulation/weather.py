"""What one seed draws before its day begins: which kinds of bad luck exist at all, how often, and what the vendors are like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from syncd.sandbox.shipstation import ShipStationOptions
from syncd.sandbox.shopify import ShopOptions
from syncd.sandbox.shopify.options import WebhookOptions
from syncd.simulation.day import ACCOUNT, PLAIN, SHOP, Fates, settings_of
from syncd.simulation.ports import START
from syncd.simulation.sidelines.drawn import Chosen, drawn_sidelines, settings_for

CALLS = (
    "timeout_before", "timeout_after", "conn_reset", "e500_before", "e500_after", "e502_html", "e503", "e429", "e429_noheader",
    "json_trunc", "json_html", "json_null", "json_extra", "json_missing", "json_type",
    "batch_rowfail", "batch_reorder", "batch_missing", "batch_dup", "batch_poison",
    "gql_throttle", "gql_partial", "gql_nullnode", "gql_internal", "late_commit", "page_shift",
)  # fmt: skip
"""At a call to a vendor."""

STORE = ("db_busy", "db_full", "db_disconnect_commit")
POSTS = ("wh_lost", "wh_dup", "wh_delay", "wh_reorder", "wh_stale", "wh_replayed", "wh_forged")
READS = ("stale_read", "index_lag")
OTHERS = ("foreign_consumer", "clock_jump", "kill", "kill_boot", "term")
KINDS = (*CALLS, *STORE, *POSTS, *READS, *OTHERS)

LIKELY = 0.6
MOST = 0.35
OUTAGES = 0.25
UNSUBSCRIBED = 0.25
MOST_OF_ALL_CALLS = 0.5
"""More than that and nothing but bad luck would happen."""

HARMLESS_FOR_EVER = (
    "timeout_before", "timeout_after", "conn_reset", "e500_after", "e503", "json_trunc", "json_extra", "batch_missing",
)  # fmt: skip
INDEX_LAGS_S = (5.0, 60.0, 540.0)
"""The last is less than a feed looks back: more would be lost by design until the sweep comes."""
VENDORS_AHEAD_S = (0.0, 0.0, -1200.0, 1200.0)
"""In a day of feeds alone. More than a feed looks back."""
SPANS_S = {"steady": 600.0, "flash": 3.0, "trickle": 2400.0}
DST = (datetime(2026, 11, 1, 9, 0, tzinfo=UTC), datetime(2027, 3, 14, 10, 0, tzinfo=UTC))
"""The moments at which wall time jumps on the Pacific coast, back and forth."""


@dataclass(frozen=True)
class Weather:
    seed: int
    orders: int
    rates: Mapping[str, float]
    """Kind -> chance for each occasion. What is not in it does not exist."""
    lasting: str | None
    """The one kind that stays, at a small rate, when all others end."""
    kill_mean_s: float | None
    traffic: str
    alone: str | None
    """`webhooks`: neither feeds nor sweeps; `feeds`: neither webhooks nor sweeps. Each must do by itself."""
    has_outages: bool
    """Some kills keep the machine down for longer than a feed looks back."""
    is_unsubscribed: bool
    """Somebody deletes our webhooks once. Nowhere that nothing else runs: what was not told meanwhile would stay unknown."""
    mix: Mapping[str, float]
    deeds: int
    is_busy: bool
    """There are more deeds than usual, and they come one after the other on the same order."""
    amnesia: str | None
    sidelines: Chosen
    """What the day holds beside orders and packages, and in which manner. Nothing where each mechanism must do by itself."""
    fates: Fates

    @property
    def span_s(self) -> float:
        """How long customers buy."""
        return SPANS_S[self.traffic]


def drawn_weather(seed: int, orders: int, deeds: int = 1) -> Weather:
    """With so many times the usual `deeds` of people."""
    rng = Random(f"{seed} weather")
    alone = rng.choice(("webhooks", "feeds")) if rng.random() < 0.2 else None
    rates = _rates(rng, alone)
    kill_mean_s = rng.choice((15.0, 60.0, 240.0, None))
    traffic = rng.choice(tuple(SPANS_S))
    sidelines = {} if alone else drawn_sidelines(seed)
    return Weather(
        seed=seed,
        orders=orders,
        rates=rates,
        lasting=rng.choice(HARMLESS_FOR_EVER) if rng.random() < 0.5 else None,
        kill_mean_s=kill_mean_s,
        traffic=traffic,
        alone=alone,
        has_outages=alone != "webhooks" and Random(f"{seed} outages").random() < OUTAGES,
        is_unsubscribed=alone is None and Random(f"{seed} unsubscribed").random() < UNSUBSCRIBED,
        mix=PLAIN if rng.random() < 0.3 or "stock" in sidelines else {},
        deeds=round(orders * rng.uniform(0.2, 1.0)) * deeds,
        is_busy=deeds > 1,
        amnesia=rng.choice(("lost", "rolled_back")) if rng.random() < 0.1 else None,
        sidelines=sidelines,
        fates=_fates(rng, seed, rates, alone, sidelines, SPANS_S[traffic]),
    )


def _rates(rng: Random, alone: str | None) -> dict[str, float]:
    """Most rates are small: a day on which every second call fails shows less than one on which few do."""
    rates = {kind: MOST * rng.random() ** 2 for kind in KINDS if rng.random() < LIKELY}
    if alone == "webhooks":
        rates = {kind: rate for kind, rate in rates.items() if kind not in ("wh_lost", *READS)}
    if alone == "feeds":
        rates = {kind: rate for kind, rate in rates.items() if kind not in POSTS}
    total = sum(rate for kind, rate in rates.items() if kind in CALLS)
    scale = min(1.0, MOST_OF_ALL_CALLS * rng.random() / total) if total else 1.0
    return {kind: rate * scale if kind in CALLS else rate for kind, rate in rates.items()}


def _fates(
    rng: Random, seed: int, rates: Mapping[str, float], alone: str | None, sidelines: Chosen, span_s: float
) -> Fates:
    fates = Fates(
        shop=_shop(rng, rates, alone),
        account=_account(rng, rates, alone),
        settings=_settings(rng, alone, sidelines),
        seed=seed,
        replicas=rng.choice((1, 1, 1, 2, 3)),
        begin_at=_begin_at(rng),
    )
    return _with_odd_clocks(fates, seed, span_s) if alone == "feeds" else fates


def _with_odd_clocks(fates: Fates, seed: int, span_s: float) -> Fates:
    """What nothing but the times of lists can go wrong by: vendors ahead or behind, and labels on either side of the autumn hour."""
    rng = Random(f"{seed} clocks")
    fates = replace(fates, vendors_ahead_s=rng.choice(VENDORS_AHEAD_S))
    if fates.vendors_ahead_s or rng.random() > 0.5:
        return fates
    return replace(fates, begin_at=DST[0] - timedelta(seconds=(span_s + 300.0) * rng.uniform(0.3, 0.7)))


def _begin_at(rng: Random) -> datetime:
    if rng.random() < 0.3:
        return rng.choice(DST) - timedelta(minutes=rng.uniform(0, 120))
    return START + timedelta(hours=rng.uniform(0, 24))


def _shop(rng: Random, rates: Mapping[str, float], alone: str | None) -> ShopOptions:
    late_s = 600.0 * rates.get("wh_delay", 0.0)
    webhooks = WebhookOptions(
        enabled=alone != "feeds",
        delay_s=(0.2, 2.0 + late_s),
        doubled=rates.get("wh_dup", 0.0),
        lost=rates.get("wh_lost", 0.0),
        shuffled="wh_reorder" in rates,
    )
    return replace(
        SHOP,
        webhooks=webhooks,
        index_lag_s=rng.choice(INDEX_LAGS_S) if "index_lag" in rates else 0.0,
        index_shuffled="index_lag" in rates,
        hold_touches_order=rng.random() < 0.5,
        routing_complete_webhook=rng.random() < 0.7 or alone == "webhooks",
        nodes_cost=rng.choice(("list", "each")),
    )


def _account(rng: Random, rates: Mapping[str, float], alone: str | None) -> ShipStationOptions:
    late_s = 600.0 * rates.get("wh_delay", 0.0)
    return replace(
        ACCOUNT,
        window_style=rng.choice(("first_request", "aligned")),
        reset_rounded=rng.choice(("up", "down")),
        locked_order_style=rng.choice(("row_failure", "status_400", "silent_200")),
        gone_key_style=rng.choice(("creates", "refused")),
        item_match=rng.choice(("replace", "line_item_key")),
        pages_style=rng.choice(("computed", "zero")),
        offset_style=rng.choice(("ignored", "honoured")),
        status_after_void=rng.choice(("awaiting_shipment", "shipped")),
        split_number_style=rng.choice(("suffix", "same")),
        notify_mark_as_shipped=rng.random() < 0.5 or alone == "webhooks",
        stale_read_s=rng.choice((1.0, 5.0, 20.0)) if "stale_read" in rates else 0.0,
        webhooks=alone != "feeds",
        notify_delay_s=(0.5, 3.0 + late_s),
        webhook_drop=rates.get("wh_lost", 0.0),
        webhook_double=rates.get("wh_dup", 0.0),
        webhook_shuffle="wh_reorder" in rates,
        webhook_attempts=8 if alone == "webhooks" else 1,
    )


def _settings(rng: Random, alone: str | None, sidelines: Chosen) -> Any:
    # ShipStation's webhooks only hurry a list that is read anyway: what they ask for does not outlive a crash
    never = {"order_poll_s": 10**7, "shipment_poll_s": 60.0, "sweep_s": 10**7}
    usual = {"order_poll_s": 60.0, "shipment_poll_s": 60.0, "sweep_s": 900.0}
    if alone == "feeds":
        usual["sweep_s"] = 10**7
    sync = {**(never if alone == "webhooks" else usual), "void_grace_s": rng.choice((30.0, 60.0))}
    server = {"public_url": ""} if alone == "feeds" else {}
    beside = settings_for(sidelines)
    sync |= beside.pop("sync")
    return settings_of(sync=sync, limits={"longest_wait_s": 300, "idle_s": 10}, server=server, **beside)
