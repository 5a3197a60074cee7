"""Carrier and service of one consignment, where a rule wants them chosen by their rates: remembered, asked for, chosen, or left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from mappings.plans import Consignment
from mappings.rates import Choice, Parcel, Question, Quoted, RateWish, chosen, fallen_back, parcel_of
from mappings.recalled import is_forgotten
from mappings.ruled_fields import CHOSEN_FIELDS
from mappings.shipstation_shapes import Order


@dataclass(frozen=True)
class Rating:
    """`choice` is None while the carriers were not asked, and where what is there stays. `kept`: the chosen fields as they were
    last written, for what stays."""

    choice: Choice | None = None
    is_new: bool = False
    question: Question | None = None
    """What would have to be asked."""
    kept: Mapping[str, Any] | None = None


def rating_of(wish: RateWish, document: Order, consignment: Consignment | None, quoted: Quoted) -> Rating:
    """The decision table; `consignment` is None for what is new, and `document` what the other rules make of it."""
    country = document["shipTo"].get("country") or ""
    choice = consignment.choice if consignment else None
    # It was chosen already, and nothing but prices can have changed.
    if choice and choice.terms == wish.terms(country):
        return Rating(choice)
    # Our memory lost it: carrier and service are as they lie there, ours or the warehouse's.
    if consignment and is_forgotten(consignment):
        return Rating()
    if consignment and consignment.applied and "orderId" in consignment.applied:
        there = cast(Mapping[str, Any], consignment.applied)
        carrier, service, package = map(there.get, CHOSEN_FIELDS)
        return Rating(Choice(wish.terms(country), carrier, service, package, without="lay_there"), is_new=True)
    kept = _kept(consignment)
    parcel = parcel_of(document, wish)
    question = Question(parcel, wish.carriers) if isinstance(parcel, Parcel) else None
    # The carriers were not asked yet.
    if question and question not in quoted:
        return Rating(question=question, kept=kept)
    fresh = chosen(wish, country, quoted[question]) if question else fallen_back(wish, country, cast(Any, parcel))
    # A rule that came later moves nothing to the fallback: what lies there stays until a rate comes.
    if fresh.without and kept is not None:
        return Rating(kept=kept)
    return Rating(fresh, is_new=True)


def with_choice(document: Order, rating: Rating) -> Order:
    fields: Mapping[str, Any] = rating.kept or {}
    if rating.choice:
        values = (rating.choice.carrier, rating.choice.service, rating.choice.package)
        fields = {field: value for field, value in zip(CHOSEN_FIELDS, values, strict=True) if value}
    return cast(Order, {**document, **fields})


def _kept(consignment: Consignment | None) -> Mapping[str, Any] | None:
    """None for what ShipStation never accepted."""
    if consignment is None or consignment.applied is None:
        return None
    applied = cast(Mapping[str, Any], consignment.applied)
    return {field: applied[field] for field in CHOSEN_FIELDS if applied.get(field)}
