"""Made-up orders: a realistic mixture by weights, the same for one seed. They come out as the REST bodies that real ones have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random  # noqa: TID251 - seeded: the same for one seed
from typing import Any

from syncd.sandbox.shopify.goods import ABROAD, AT_HOME, DIGITAL, GIFT_CARD, PHYSICAL, Article, Place

CENT = Decimal("0.01")

SHARES: Mapping[str, float] = {
    "unpaid": 0.04,
    "authorized": 0.03,
    "partially_paid": 0.01,
    "test": 0.01,
    "digital_only": 0.03,
    "mixed_digital": 0.06,
    "digital_in_package": 0.01,
    "gift_card": 0.02,
    "pickup": 0.03,
    "two_locations": 0.08,
    "second_location": 0.10,
    "split_line": 0.02,
    "order_discount": 0.12,
    "line_discount": 0.08,
    "free_shipping": 0.15,
    "no_shipping_line": 0.01,
    "taxes_included": 0.10,
    "untaxed": 0.15,
    "custom_line": 0.03,
    "properties": 0.10,
    "note": 0.12,
    "gift_message": 0.04,
    "abroad": 0.15,
    "no_sku": 0.03,
    "zero_value": 0.01,
    "no_address": 0.005,
    "high_risk": 0.01,
    "medium_risk": 0.02,
    "many_lines": 0.06,
    "other_billing": 0.08,
}
"""Feature -> share of the orders that have it. Features are drawn one by one, so that they meet each other."""


@dataclass(frozen=True)
class Sale:
    """A body, and what no body tells: the risk to come, where the units lie, how they are delivered."""

    body: dict[str, Any]
    risk: tuple[str, str]
    split: list[list[tuple[int, int]]] = field(default_factory=list)
    """For each line: index of the location, units."""
    method: str | None = None
    """For goods; None leaves it to what the body shows."""
    digital_method: str = "NONE"


def variant_number(article: Article) -> int:
    """Every shop sells the same article under the same number."""
    letters = article.title + (article.variant or "")
    return 40_000_000_000 + abs(sum(ord(c) * (i + 1) ** 3 for i, c in enumerate(letters)))


def shares(changes: Mapping[str, float]) -> dict[str, float]:
    """The usual mixture with some shares replaced. `{"all": 0}` first takes everything out."""
    unknown = sorted(set(changes) - set(SHARES) - {"all"})
    if unknown:
        raise ValueError(f"There is no feature {unknown[0]}. Known: {', '.join(SHARES)}.")
    usual = {name: changes.get("all", share) for name, share in SHARES.items()}
    return usual | {name: share for name, share in changes.items() if name != "all"}


class Checkout:
    """Makes up one order after the other."""

    def __init__(self, rng: Random, mix: Mapping[str, float], currency: str, locations: int) -> None:
        self._rng = rng
        self._mix = mix
        self._currency = currency
        self._locations = locations
        self._has: set[str] = set()

    def sale(self, lines: int | None = None, quantity: int | None = None) -> Sale:
        """`lines` and `quantity` fix what is otherwise drawn."""
        self._has = {name for name, share in self._mix.items() if self._rng.random() < share}
        place = self._place()
        articles = self._articles(lines)
        items = [self._item(article, quantity) for article in articles]
        self._discount(items)
        body: dict[str, Any] = {
            **self._header(place),
            "line_items": items,
            "shipping_lines": self._shipping_lines(items),
            **self._addresses(place, items),
        }
        digital = "SHIPPING" if "digital_in_package" in self._has else "NONE"
        return Sale(body, self._risk(), [self._locate(item) for item in items], self._method(), digital)

    def _place(self) -> Place:
        return self._rng.choice(ABROAD if "abroad" in self._has else AT_HOME)

    def _articles(self, lines: int | None) -> list[Article]:
        rng = self._rng
        if "gift_card" in self._has and "mixed_digital" not in self._has and lines is None:
            return [GIFT_CARD]
        if "digital_only" in self._has:
            return rng.sample(DIGITAL, rng.randint(1, len(DIGITAL)))
        count = lines or (
            rng.randint(5, 12) if "many_lines" in self._has else rng.choices((1, 2, 3, 4), (55, 27, 12, 6))[0]
        )
        chosen = [rng.choice(PHYSICAL) for _ in range(count)]
        if "mixed_digital" in self._has and count < 12:
            chosen.append(GIFT_CARD if "gift_card" in self._has else rng.choice(DIGITAL))
        if "custom_line" in self._has:
            chosen[0] = Article(
                None, "Engraving and gift box", None, "12.00", 300, origin=None, code=None, product_type=""
            )
        return chosen

    def _item(self, article: Article, quantity: int | None) -> dict[str, Any]:
        rng = self._rng
        is_custom = article.title == "Engraving and gift box"
        count = quantity or rng.choices((1, 2, 3, 4, 5), (70, 17, 7, 4, 2))[0]
        price = Decimal(0) if "zero_value" in self._has else Decimal(article.price)
        number = variant_number(article)
        item: dict[str, Any] = {
            "title": article.title,
            "variant_title": article.variant,
            "sku": None if "no_sku" in self._has else article.sku,
            "vendor": None if is_custom else "Sandbox Goods",
            "quantity": count,
            "price": str(price),
            "grams": article.grams,
            "requires_shipping": article.ships,
            "gift_card": article is GIFT_CARD,
            "variant_id": None if is_custom else number,
            "product_id": None if is_custom else number // 7,
            "product_type": article.product_type,
            "barcode": None if article.sku is None else f"{number % 10**13:013d}",
            "harmonized_system_code": article.code,
            "country_code_of_origin": article.origin,
            "image_url": None if is_custom else f"https://cdn.example.com/files/{number % 10**6}.jpg",
            "properties": self._properties(),
            "discount_allocations": [],
        }
        item["tax_lines"] = self._tax(price * count)
        return item

    def _properties(self) -> list[dict[str, str]]:
        if "properties" not in self._has:
            return []
        return [{"name": "Engraving", "value": "Für Zoë ♥"}, {"name": "_bundle_id", "value": "b-4711"}]

    def _tax(self, amount: Decimal) -> list[dict[str, Any]]:
        if "untaxed" in self._has or not amount:
            return []
        rate = Decimal("0.19") if "taxes_included" in self._has else Decimal("0.0825")
        part = amount - amount / (1 + rate) if "taxes_included" in self._has else amount * rate
        return [
            {
                "title": "VAT" if "taxes_included" in self._has else "State Tax",
                "rate": float(rate),
                "price": _text(part),
            }
        ]

    def _discount(self, items: list[dict[str, Any]]) -> None:
        """Spread over the lines as Shopify does it: each line has its own allocated amount."""
        if "line_discount" in self._has:
            _allocate(items[0], Decimal("0.20"))
        if "order_discount" in self._has:
            for item in items:
                _allocate(item, Decimal("0.10"))

    def _header(self, place: Place) -> dict[str, Any]:
        status = next((name for name in ("unpaid", "authorized", "partially_paid") if name in self._has), "paid")
        notes = (
            [{"name": "gift_message", "value": "Alles Gute zum Geburtstag! 🎂"}] if "gift_message" in self._has else []
        )
        mail = f"{place.first_name}.{place.last_name}@example.com".encode("ascii", "ignore").decode().lower()
        return {
            "financial_status": "pending" if status == "unpaid" else status,
            "test": "test" in self._has,
            "email": mail.lstrip("."),
            "phone": place.phone,
            "note": "Please leave it with the neighbour.\nThe bell is broken." if "note" in self._has else None,
            "note_attributes": notes,
            "tags": "gift" if notes else "",
            "currency": self._currency,
            "taxes_included": "taxes_included" in self._has,
            "source_name": "web",
            "discount_codes": [{"code": "WELCOME10"}] if "order_discount" in self._has else [],
            "payment_gateway_names": ["manual" if status == "unpaid" else "shopify_payments"],
            "customer": {"id": 7_000_000_000 + sum(map(ord, mail))},
        }

    def _shipping_lines(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not any(item["requires_shipping"] for item in items) or "no_shipping_line" in self._has:
            return []
        if "pickup" in self._has:
            return [{"title": "Main Street Store", "code": "Main Street Store", "source": "shopify", "price": "0.00"}]
        title, price = self._rng.choice((("Standard", "6.90"), ("Express", "19.00"), ("Economy", "4.50")))
        if "abroad" in self._has:
            title, price = "International Shipping", "24.00"
        shown = "0.00" if "free_shipping" in self._has else price
        tax = self._tax(Decimal(shown)) if "taxes_included" in self._has else []
        return [
            {
                "title": title,
                "code": title,
                "source": "shopify",
                "price": price,
                "discounted_price": shown,
                "tax_lines": tax,
            }
        ]

    def _addresses(self, place: Place, items: list[dict[str, Any]]) -> dict[str, Any]:
        address = place._asdict() | {"name": f"{place.first_name} {place.last_name}"}
        is_sent = any(item["requires_shipping"] for item in items) and not self._has & {"pickup", "no_address"}
        other = self._rng.choice(AT_HOME)
        billing = other._asdict() if "other_billing" in self._has else address
        return {"shipping_address": address if is_sent else None, "billing_address": billing}

    def _risk(self) -> tuple[str, str]:
        if "high_risk" in self._has:
            return "HIGH", "CANCEL"
        return ("MEDIUM", "INVESTIGATE") if "medium_risk" in self._has else ("LOW", "ACCEPT")

    def _locate(self, item: dict[str, Any]) -> list[tuple[int, int]]:
        """Where the units of one line lie."""
        count = item["quantity"]
        if self._locations < 2:
            return [(0, count)]
        if "split_line" in self._has and count > 1:
            return [(0, count - 1), (1, 1)]
        if "two_locations" in self._has:
            return [(self._rng.randrange(2), count)]
        return [(1 if "second_location" in self._has else 0, count)]

    def _method(self) -> str | None:
        if "no_address" in self._has:
            return "SHIPPING"
        return None if "pickup" not in self._has else "PICK_UP"


def _allocate(item: dict[str, Any], share: Decimal) -> None:
    amount = Decimal(item["price"]) * item["quantity"] * share
    if amount:
        item["discount_allocations"].append({"amount": _text(amount)})


def _text(amount: Decimal) -> str:
    return str(amount.quantize(CENT, ROUND_HALF_UP))
