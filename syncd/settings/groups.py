"""The tables of the settings file that are about the daemon and the ShipStation account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)

from mappings.news import DeliveryNews
from mappings.outbound import EventName, is_private, key_of_secret
from mappings.plans import NotifyCustomer

Seconds = Annotated[float, Field(gt=0)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, str_strip_whitespace=True)


class Database(Group):
    url: str = "sqlite:///./data/syncd.db"


class Server(Group):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    """Where both vendors reach the webhooks. Empty: no webhooks, everything arrives by the feeds."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    """Whose X-Forwarded-For is believed, and who may hold more connections than one peer."""

    api_token: SecretStr = SecretStr("")
    """Whoever shows it may ask where packages are: GET /orders/{ref}/tracking. Empty: nobody may."""

    @field_validator("api_token")
    @classmethod
    def _long_token(cls, token: SecretStr) -> SecretStr:
        if token.get_secret_value() and not re.fullmatch(r"[A-Za-z0-9._~+/=-]{24,256}", token.get_secret_value()):
            raise ValueError(
                "must be 24 to 256 letters, digits or ._~+/=-, such as the output of `openssl rand -hex 24`"
            )
        return token

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


@dataclass(frozen=True)
class KeyPair:
    """`name` is that of the key in its group; `expires_on` is None where nobody wrote it down."""

    name: str
    key: SecretStr
    secret: SecretStr
    expires_on: date | None = None


class ShipStation(Group):
    api_key: SecretStr
    api_secret: SecretStr
    next_api_key: SecretStr = SecretStr("")
    next_api_secret: SecretStr = SecretStr("")
    key_expires_on: date | None = None
    """As ShipStation shows it for api_key: no API tells."""
    next_key_expires_on: date | None = None
    v1_url: str = "https://ssapi.shipstation.com"
    orders_api: Literal["v1", "v2"] = "v1"
    """By which of its two APIs orders and packages go."""
    v2_api_key: SecretStr = SecretStr("")
    """Of the V2 API: tracking, rates, stock. Empty: V1 alone."""
    v2_url: str = "https://api.shipstation.com"
    jwks_url: str = "https://api.shipengine.com/jwks"
    """Where ShipStation publishes the keys that sign its V2 webhooks."""
    v2_requests_per_window: int = Field(default=200, gt=0)
    webhook_secret: SecretStr = SecretStr("")
    """Unguessable part of the webhook path. Empty: no ShipStation webhooks."""
    previous_webhook_secret: SecretStr = SecretStr("")
    """Its path is still answered: what was sent before the change may be on its way for hours."""
    requests_per_window: int = Field(default=40, gt=0)
    window_s: Seconds = 60

    @field_validator("webhook_secret", "previous_webhook_secret")
    @classmethod
    def _unguessable(cls, secret: SecretStr) -> SecretStr:
        text = secret.get_secret_value()
        if text and not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", text):
            raise ValueError("must be 16 to 128 letters, digits, - or _, such as the output of `openssl rand -hex 16`")
        return secret

    @model_validator(mode="after")
    def _has_the_key_it_needs(self) -> ShipStation:
        if self.orders_api == "v2" and not self.v2_api_key.get_secret_value():
            raise ValueError(
                'orders_api is "v2" and v2_api_key is empty: generate a V2 key in ShipStation'
                ' (Settings > Account > API Settings), or leave orders_api at "v1"'
            )
        return self

    def webhook_secrets(self) -> list[str]:
        """Current first."""
        secrets = (self.webhook_secret.get_secret_value(), self.previous_webhook_secret.get_secret_value())
        return [secret for secret in secrets if secret]

    def key_pairs(self) -> list[KeyPair]:
        """The first one, then the one to rotate to where there is one."""
        pairs = [
            KeyPair("api_key", self.api_key, self.api_secret, self.key_expires_on),
            KeyPair("next_api_key", self.next_api_key, self.next_api_secret, self.next_key_expires_on),
        ]
        return [pair for pair in pairs if pair.key.get_secret_value() and pair.secret.get_secret_value()]


class Sync(Group):
    order_poll_s: Seconds = 60
    shipment_poll_s: Seconds = 60
    sweep_s: Seconds = 3600
    stock_scan_s: Seconds = 900
    """How often the stock of all stores that name shelves is compared in full."""
    catalog_scan_s: Seconds = 21600
    """How often all articles are compared with ShipStation's products, where a store wants it."""
    return_tracking_s: Seconds = 900
    """How often the carriers are asked whether returns have arrived, where that matters and V2 has a key."""
    delivery_news: DeliveryNews = "off"
    """follow: what carriers tell of packages is kept; tell: Shopify hears of it too, for carriers that it does not follow itself."""
    sweep_days: Annotated[float, Field(gt=0)] = 2
    """How far back before the last sweep each one looks again."""
    settle_s: float = Field(default=2, ge=0)
    """A mark folds this long before it is due."""
    grace_s: float = Field(default=0, ge=0)
    start_at: datetime | None = None
    """Orders before this are excluded. Empty: the first start."""
    notify_customer: NotifyCustomer = "label"
    notify_on_relabel: bool = False
    """Whether a new label for the goods of a voided one is worth another mail."""
    void_grace_s: float = Field(default=900, ge=0)
    """A fulfillment outlives its voided label this long, in case the goods get a new one."""

    @property
    def news_used(self) -> DeliveryNews:
        """A mail at the first scan is told, too."""
        return "tell" if self.notify_customer == "scan" else self.delivery_news

    @field_validator("start_at", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("start_at")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs a time zone, such as 2026-11-20T00:00:00Z")
        return value


class Carrier(Group):
    """The merchant's own words for one ShipStation carrier."""

    company: str = Field(min_length=1)
    """As the customer reads it; spelled as Shopify spells it, Shopify makes the link by itself."""
    url: str = ""
    """Where a package is followed, with {number} in it."""

    @field_validator("url")
    @classmethod
    def _with_number(cls, value: str) -> str:
        if value and (not value.startswith(("https://", "http://")) or "{number}" not in value):
            raise ValueError("must be a web address with {number} where the tracking number goes")
        return value


class Limits(Group):
    """Every bound of the daemon."""

    batch: int = Field(default=100, ge=1, le=100)
    batches_in_flight: int = Field(default=24, ge=1, le=100)
    lease_s: Seconds = 180
    read_timeout_s: Seconds = 60
    write_timeout_s: Seconds = 30
    attempts: int = Field(default=12, ge=1)
    """After so many failures in a row an order is parked for a person."""
    longest_wait_s: Seconds = 900
    brake_share: float = Field(default=0.2, ge=0, le=1)
    """The brake stops cancellations that are more than this share of the ShipStation orders of a minute; 1 never does."""
    brake_least: int = Field(default=10, ge=1)
    """Fewer cancellations within a minute than this are never stopped."""
    body_bytes: int = Field(default=8 * 1024 * 1024, gt=0)
    body_s: Seconds = 5
    """From the first byte of a request to its last."""
    connections: int = Field(default=1024, ge=1)
    connections_per_peer: int = Field(default=64, ge=1)
    stop_s: Seconds = 20
    keep_days: Annotated[int, Field(gt=0)] = 30
    idle_s: Annotated[float, Field(gt=0, le=20)] = 1
    """How often a worker without work looks for what other processes marked."""

    @property
    def longest_call_s(self) -> float:
        return max(self.read_timeout_s, self.write_timeout_s)


class Privacy(Group):
    retention_days: Annotated[int, Field(gt=0)] = 30
    """Names and addresses of an order are dropped so many days after it closed."""


class Log(Group):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Outbound(Group):
    """One help desk that is told by signed webhook."""

    url: str
    secret: SecretStr
    """`whsec_` and 24 to 64 bytes in base64, as Standard Webhooks have it."""
    events: tuple[EventName, ...] = get_args(EventName)
    allow_private: bool = False
    """Whether it may be in a private network, and without TLS."""

    @field_validator("secret")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        try:
            key_of_secret(secret.get_secret_value())
        except ValueError as error:
            raise ValueError(
                'must be "whsec_" and 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32) makes one'
            ) from error
        return secret

    @model_validator(mode="after")
    def _public(self) -> Outbound:
        try:
            address = urlsplit(self.url)
            host, scheme = address.hostname or "", address.scheme
        except ValueError:
            host, scheme = "", ""
        if not host or scheme not in ("https", "http"):
            raise ValueError("url must be a web address such as https://desk.example.com/hooks")
        if not self.allow_private and (scheme != "https" or is_private(host)):
            raise ValueError(
                "url must be a public https address; for a receiver in your own network set allow_private = true"
            )
        return self
