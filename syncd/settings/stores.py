"""The table of one store in the settings file: its shop, what may be shipped, its stock."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from mappings.catalog import CatalogMode
from mappings.returns import OnLabel, RefundPolicy
from mappings.stock import Owner, QuantityName
from syncd.settings.groups import Group


class Fraud(Group):
    """From which of Shopify's recommendations on an order is held, and how long an unfinished analysis is waited for."""

    hold_on: Literal["cancel", "investigate", "never"] = "cancel"
    wait_s: float = Field(default=3600, ge=0)


class StockShelf(Group):
    """Where the goods of one Shopify location lie in ShipStation, and whose count is right."""

    inventory_location: str = ""
    inventory_warehouse: str = ""
    """Instead: all its locations together."""
    owner: Owner = "none"
    """none: differences are reported and nothing is written."""
    quantity: QuantityName = "on_hand"
    buffer: int = Field(default=0, ge=0)
    buffers: dict[str, Annotated[int, Field(ge=0)]] = {}
    floor: int = Field(default=0, ge=0)
    floors: dict[str, Annotated[int, Field(ge=0)]] = {}

    @property
    def place(self) -> str:
        return self.inventory_location or self.inventory_warehouse

    @field_validator("inventory_location", "inventory_warehouse", mode="before")
    @classmethod
    def _inventory_id(cls, value: Any) -> Any:
        found = re.fullmatch(r"(?:se-)?([0-9]{1,18})", str(value))
        if value != "" and not found:
            raise ValueError("must be an id such as 701 or se-701: `syncd shipstation inventory-locations` lists them")
        return f"se-{found[1]}" if found else ""

    @model_validator(mode="after")
    def _one_place(self) -> StockShelf:
        if bool(self.inventory_location) == bool(self.inventory_warehouse):
            raise ValueError(
                "needs either inventory_location or inventory_warehouse: `syncd shipstation inventory-locations` lists them"
            )
        if self.owner == "shopify" and not self.inventory_location:
            raise ValueError(
                'owner = "shopify" needs an inventory_location: a count belongs to one shelf, not to a whole warehouse'
            )
        return self


class ReturnsSettings(Group):
    """What is told to Shopify of return labels, and whether money goes back once the goods have arrived."""

    on_label: OnLabel = "note"
    refund: RefundPolicy = "off"
    refund_limit: Decimal = Field(default=Decimal(0), ge=0)
    """Up to which amount, in the shop's currency, a refund needs nobody."""
    restocks: bool = True
    tag: str = Field(default="return", max_length=40, pattern=r"^[^,]*$")
    note_on_customer: bool = False
    notify_customer: bool = False

    @model_validator(mode="after")
    def _limit_fits(self) -> ReturnsSettings:
        if self.refund == "automatic" and not self.refund_limit:
            raise ValueError(
                'refund is "automatic" and refund_limit is 0: set the highest amount that may be paid back without'
                ' being asked, such as 50, or refund = "suggest" to be asked each time'
            )
        if self.refund != "automatic" and self.refund_limit:
            raise ValueError('refund_limit means nothing unless refund = "automatic"; remove it, or set that')
        return self


class Store(Group):
    shop: str
    url: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    previous_client_secret: SecretStr = SecretStr("")
    access_token: SecretStr = SecretStr("")
    api_version: str = "2026-10"
    shipstation_store_id: int | None = None
    order_prefix: str = Field(default="", max_length=20)
    ship_authorized: bool = False
    ship_pending: bool = False
    ship_partly_paid: bool = False
    ship_test_orders: bool = False
    ship_zero_value: bool = True
    oldest_days: Annotated[float, Field(gt=0)] | None = None
    fraud: Fraud = Fraud()
    on_hold: Literal["hold", "withdraw"] = "hold"
    on_cancel: Literal["cancel", "hold"] = "cancel"
    void_on_cancel: bool = False
    missing_weight: str | Decimal = "send"
    """`send`, `hold`, or the grams of a unit without weight."""
    non_roman: Literal["send", "hold", "transliterate"] = "send"
    incomplete_customs: Literal["send", "hold"] = "send"
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")] = "usd"
    """Of the shop's amounts: V2 wants it beside each, V1 knows none."""
    catalog: CatalogMode = "off"
    """Whether ShipStation's products follow this shop's articles: report tells differences and writes nothing."""
    locations: dict[int, int] = {}
    stock: dict[int, StockShelf] = {}
    """By Shopify location id. Empty: stock is left alone."""
    returns: ReturnsSettings = ReturnsSettings()

    @field_validator("stock")
    @classmethod
    def _goods_offered_once(cls, stock: dict[int, StockShelf]) -> dict[int, StockShelf]:
        places: dict[str, int] = {}
        for location, shelf in stock.items():
            if shelf.place in places:
                raise ValueError(
                    f"{places[shelf.place]} and {location} both name {shelf.place}, so that the same goods would be offered twice"
                )
            places[shelf.place] = location
        return stock

    @field_validator("catalog", mode="before")
    @classmethod
    def _known_mode(cls, value: Any) -> Any:
        if value in ("off", "report", "push"):
            return value
        raise ValueError('must be "off", "report" (differences are told, nothing is written) or "push"')

    @field_validator("missing_weight", mode="before")
    @classmethod
    def _policy_or_grams(cls, value: Any) -> Any:
        if value in ("send", "hold"):
            return value
        try:
            weight_grams = Decimal(str(value))
        except InvalidOperation:
            weight_grams = Decimal(0)
        if not (weight_grams.is_finite() and weight_grams > 0):
            raise ValueError('must be "send", "hold", or the grams of one unit, such as 250')
        return weight_grams

    @field_validator("shop")
    @classmethod
    def _shop(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", value):
            raise ValueError("must be the shop's permanent address, such as main-shop.myshopify.com")
        return value

    @model_validator(mode="after")
    def _some_login(self) -> Store:
        has_client = self.client_id and self.client_secret.get_secret_value()
        if not has_client and not self.access_token.get_secret_value():
            raise ValueError("needs client_id and client_secret (or access_token for an app made before 2026)")
        return self

    def webhook_secrets(self) -> list[bytes]:
        """Current first. Shopify goes on signing with the old one for up to an hour after a rotation."""
        secrets = (self.client_secret.get_secret_value(), self.previous_client_secret.get_secret_value())
        return [secret.encode() for secret in secrets if secret]
