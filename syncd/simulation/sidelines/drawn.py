"""Which sidelines a seed has, and what the settings then say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, cast

from mappings.stock import Owner
from syncd.simulation.day import Day, store_settings
from syncd.simulation.sidelines import articles, comebacks, shelves
from syncd.simulation.sidelines.articles import Articles
from syncd.simulation.sidelines.comebacks import POLICIES, Comebacks
from syncd.simulation.sidelines.journeys import UNKNOWN_CARRIER, Journeys
from syncd.simulation.sidelines.shelves import PLACE, SHELF, Shelves
from syncd.simulation.sidelines.sideline import Sideline

LIKELY = 1 / 3
MANNERS: Mapping[str, tuple[str, ...]] = {
    "stock": ("shipstation on_hand", "shipstation on_hand", "shipstation available", "shopify on_hand"),
    "returns": tuple(POLICIES),
    "catalog": ("push",),
    "news": ("tell",),
}
Chosen = Mapping[str, str]
"""Sideline -> in which manner."""


def drawn_sidelines(seed: int) -> Chosen:
    rng = Random(f"{seed} sidelines")
    return {name: rng.choice(manners) for name, manners in MANNERS.items() if rng.random() < LIKELY}


def settings_for(chosen: Chosen) -> dict[str, dict[str, Any]]:
    """Changes by group, for `settings_of`."""
    store: dict[str, Any] = {}
    sync: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {}
    if "stock" in chosen:
        owner, quantity = chosen["stock"].split()
        store["stock"] = {str(PLACE): {"inventory_location": SHELF, "owner": owner, "quantity": quantity}}
        sync["stock_scan_s"] = shelves.SCAN_S
    if "returns" in chosen:
        store["returns"] = POLICIES[chosen["returns"]]
        sync["return_tracking_s"] = comebacks.ASKS_S
    if "catalog" in chosen:
        store["catalog"] = chosen["catalog"]
        sync["catalog_scan_s"] = articles.SCAN_S
    if "news" in chosen:
        sync["delivery_news"] = chosen["news"]
        groups["carriers"] = UNKNOWN_CARRIER
    if store:
        groups["stores"] = {"main": store_settings(**store)}
    return groups | {"sync": sync}


BUILT: Mapping[str, Callable[[Day, str], Sideline]] = {
    "stock": lambda day, manner: Shelves(day, cast(Owner, manner.split()[0])),
    "returns": Comebacks,
    "catalog": lambda day, _: Articles(day),
    "news": lambda day, _: Journeys(day),
}


def sidelines_of(day: Day, chosen: Chosen) -> list[Sideline]:
    return [BUILT[name](day, manner) for name, manner in chosen.items()]
