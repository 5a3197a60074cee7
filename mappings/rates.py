"""Rates as a rule wants them: what the carriers are asked, which of their answers is taken, and what is remembered of it.

A choice is made once, when goods are first placed under an order key. It stays for as long as the rule wants the same and the
goods go to the same country: a price that changes moves no parcel to another carrier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any, Literal, NamedTuple, cast

from mappings import canonical
from mappings.addresses import missing_parts
from mappings.shipstation_shapes import Order
from mappings.text import clean_text

ANY_PACKAGE = "package"
"""The merchant's own packaging: every carrier has it under this code."""

SMALL_STEP, LARGE_STEP, SMALL_GRAMS = 50, 250, 1000
"""The weight that is asked for is rounded up, so that parcels of nearly the same weight share an answer."""

Without = Literal[
    "no_weight",
    "no_address",
    "no_origin",
    "budget",
    "late",
    "failed",
    "closed",
    "refused",
    "none_fits",
    "currencies",
    "lay_there",
]
WHY: Mapping[str, str] = {
    "no_weight": "the weight of its goods is not known",
    "no_address": "its address is not complete",
    "no_origin": "its warehouse has no address in ShipStation",
    "budget": "ShipStation's calls were needed for other things",
    "late": "no answer came in time",
    "failed": "ShipStation did not answer",
    "closed": "ShipStation tells this account no rates at present",
    "refused": "no carrier gave a rate",
    "none_fits": "no rate fits the rule",
    "currencies": "the rates are in several currencies",
    "lay_there": "it was in ShipStation already, and what was chosen for it is not remembered",
}
"""Why there is no rate, in words."""


class Service(NamedTuple):
    """A carrier code and the code of one of its services."""

    carrier: str
    service: str


@dataclass(frozen=True)
class RateWish:
    """What a rule wants. `among`: carriers, or `carrier/service`; empty for all of the account."""

    choose: Literal["cheapest", "fastest"]
    among: tuple[str, ...] = ()
    within_days: int | None = None
    package: str = ANY_PACKAGE
    fallback: Service | None = None

    @property
    def carriers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.partition("/")[0] for one in self.among))

    @property
    def needs_days(self) -> bool:
        return self.choose == "fastest" or self.within_days is not None

    def terms(self, country: str) -> str:
        """What a choice holds for. The fallback is not part of it: it was no choice among rates."""
        limit = f"within {self.within_days} days" if self.within_days is not None else ""
        return " ".join(part for part in (self.choose, limit, self.package, *self.among, f"to {country}") if part)

    def __str__(self) -> str:
        limit = f" within {self.within_days} days" if self.within_days is not None else ""
        among = f" of {', '.join(self.among)}" if self.among else ""
        fallback = f", or else {'/'.join(self.fallback)}" if self.fallback else ""
        return f"{self.choose}{limit}{among}{fallback}"


@dataclass(frozen=True)
class Parcel:
    """What a price depends on. `warehouse_id` None: ShipStation's default warehouse."""

    warehouse_id: int | None
    country: str
    state: str
    postal_code: str
    weight_grams: int
    package: str
    confirmation: str
    is_residential: bool


@dataclass(frozen=True)
class Question:
    """`carriers`: empty for all of the account."""

    parcel: Parcel
    carriers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rate:
    """`amount` counts everything that the label would cost. `days`: None where nobody says; V1 never does."""

    carrier: str
    service: str
    amount: Decimal
    currency: str = ""
    days: int | None = None


@dataclass(frozen=True)
class Quotes:
    """What the carriers answered. `unanswered`: why not all that were asked did; a carrier that refused has answered."""

    rates: tuple[Rate, ...] = ()
    unanswered: Without | None = None


Quoted = Mapping[Question, Quotes]
NOTHING_QUOTED: Quoted = {}


@dataclass(frozen=True)
class Choice:
    """What was decided for one consignment. `without`: why it is the fallback, or nothing at all; None for a rate that was
    chosen, the best of `compared`."""

    terms: str
    carrier: str | None = None
    service: str | None = None
    package: str | None = None
    without: Without | None = None
    amount: Decimal | None = None
    currency: str = ""
    days: int | None = None
    compared: int = 0


def parcel_of(document: Order, wish: RateWish) -> Parcel | Without:
    """Of a ShipStation order as we would write it, its weight in grams."""
    weight, ship_to = document.get("weight"), document["shipTo"]
    if not weight:
        return "no_weight"
    if missing_parts(ship_to):
        return "no_address"
    country = ship_to.get("country") or ""
    postal_code = clean_text(ship_to.get("postalCode") or "").upper()
    return Parcel(
        document["advancedOptions"].get("warehouseId"),
        country,
        clean_text(ship_to.get("state") or "").upper(),
        postal_code[:5] if country == "US" else postal_code,
        rounded_up(weight["value"]),
        wish.package,
        cast(Mapping[str, Any], document).get("confirmation") or "none",
        not ship_to.get("company"),
    )


def rounded_up(weight_grams: Decimal) -> int:
    step = SMALL_STEP if weight_grams <= SMALL_GRAMS else LARGE_STEP
    return int((weight_grams / step).to_integral_value(ROUND_CEILING)) * step


def chosen(wish: RateWish, country: str, quotes: Quotes) -> Choice:
    """The best of the rates that fit, or the fallback. Where not every carrier answered nobody knows which is the best."""
    fitting = [rate for rate in quotes.rates if _fits(wish, rate)]
    without = quotes.unanswered or _without(quotes.rates, fitting)
    if without:
        return fallen_back(wish, country, without)
    best = min(fitting, key=_by_speed if wish.choose == "fastest" else _by_price)
    return Choice(
        wish.terms(country),
        best.carrier,
        best.service,
        wish.package,
        amount=best.amount,
        currency=best.currency,
        days=best.days,
        compared=len(fitting),
    )


def fallen_back(wish: RateWish, country: str, without: Without) -> Choice:
    carrier, service = wish.fallback or (None, None)
    return Choice(wish.terms(country), carrier, service, without=without)


def _fits(wish: RateWish, rate: Rate) -> bool:
    is_named = not wish.among or rate.carrier in wish.among or f"{rate.carrier}/{rate.service}" in wish.among
    if rate.days is None:
        return is_named and not wish.needs_days
    return is_named and (wish.within_days is None or rate.days <= wish.within_days)


def _without(rates: tuple[Rate, ...], fitting: list[Rate]) -> Without | None:
    if not fitting:
        return "none_fits" if rates else "refused"
    return "currencies" if len({rate.currency for rate in fitting}) > 1 else None


def _by_price(rate: Rate) -> tuple[Decimal, bool, int, str, str]:
    """Ties go to the faster one, then to the alphabet."""
    return rate.amount, rate.days is None, rate.days or 0, rate.carrier, rate.service


def _by_speed(rate: Rate) -> tuple[int, Decimal, str, str]:
    return rate.days or 0, rate.amount, rate.carrier, rate.service


def choice_text(choice: Choice) -> str:
    """For the row of its consignment."""
    return canonical.dumps({name: value for name, value in vars(choice).items() if value is not None})


def choice_of(text: str) -> Choice:
    read = canonical.loads(text)
    amount = read.pop("amount", None)
    return Choice(**read, amount=None if amount is None else Decimal(amount))
