"""Settings: one TOML file, the environment over it, secrets also from files. All problems are told at once, values never.

`SYNCD_STORES__MAIN__CLIENT_SECRET` sets `stores.main.client_secret`; with `_FILE` at its end it names a file that holds it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from mappings.catalog import CatalogMode
from mappings.keys import longest_store_name
from mappings.news import DeliveryNews
from mappings.outbound import EventName, is_private, key_of_secret
from mappings.plans import NotifyCustomer
from mappings.returns import OnLabel, RefundPolicy
from mappings.rules import Rules
from mappings.rules_file import RulesError, rules_of, rules_of_file
from mappings.stock import Owner, QuantityName
from syncd.errors import SettingsError

PREFIX = "SYNCD_"
NOT_SETTINGS = ("SYNCD_CONFIG", "SYNCD_SHARED", "SYNCD_TEST_")
EXAMPLES = {
    "shipstation": "Add the table [shipstation] with api_key and api_secret, or set SYNCD_SHIPSTATION__API_KEY and __API_SECRET.",
    "stores": "Add a table such as [stores.main] with shop, client_id and client_secret.",
}
"""What to write for a table that is not there at all."""
STORE_NAME = re.compile(r"[a-z][a-z0-9_]*")
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
    batches_in_flight: int = Field(default=20, ge=1, le=100)
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
            place = shelf.inventory_location or shelf.inventory_warehouse
            if place in places:
                raise ValueError(
                    f"{places[place]} and {location} both name {place}, so that the same goods would be offered twice"
                )
            places[place] = location
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


class RulesSettings(Group):
    """Where the rules stand, and how they are read. The rules themselves are `[[rules]]`, here or in that file."""

    mode: Literal["first", "all"] | None = None
    file: str = ""
    """Beside the settings file, unless the path is absolute. Empty: the rules are in the settings file."""


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


class Settings(Group):
    database: Database = Database()
    server: Server = Server()
    shipstation: ShipStation
    sync: Sync = Sync()
    limits: Limits = Limits()
    privacy: Privacy = Privacy()
    log: Log = Log()
    carriers: dict[str, Carrier] = {}
    """By ShipStation's carrier code."""
    stores: dict[str, Store] = Field(min_length=1)
    outbound: tuple[Outbound, ...] = ()
    """Help desks."""
    rules_settings: RulesSettings = RulesSettings()
    rules: InstanceOf[Rules] = Rules()

    @field_validator("stores")
    @classmethod
    def _names(cls, stores: dict[str, Store]) -> dict[str, Store]:
        for name in stores:
            longest = longest_store_name()
            if not STORE_NAME.fullmatch(name) or len(name) > longest or name == "shipstation":
                raise ValueError(
                    f"{name!r}: a store name has 1 to {longest} small letters, digits or _, begins with a letter, and is not 'shipstation'"
                )
        shops = [store.shop for store in stores.values()]
        if len(set(shops)) < len(shops):
            raise ValueError("two stores name the same shop; every shop is listed once")
        return stores

    @model_validator(mode="after")
    def _stock_can_be_read(self) -> Settings:
        wanting = [name for name, store in self.stores.items() if store.stock]
        if wanting and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                f"stores.{wanting[0]}.stock needs shipstation.v2_api_key, because only ShipStation's V2 API knows stock."
                " Create a key in ShipStation's settings, or remove the table"
            )
        return self

    @field_validator("outbound")
    @classmethod
    def _told_once(cls, outbound: tuple[Outbound, ...]) -> tuple[Outbound, ...]:
        if len({one.url for one in outbound}) < len(outbound):
            raise ValueError("two entries have the same url; join their events")
        return outbound

    @model_validator(mode="after")
    def _carriers_can_be_asked(self) -> Settings:
        if self.sync.delivery_news != "off" and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                f'sync.delivery_news is "{self.sync.delivery_news}" and shipstation.v2_api_key is empty: only ShipStation\'s V2 API'
                ' tells where packages are. Create a key in ShipStation\'s settings, or set delivery_news = "off"'
            )
        if self.sync.notify_customer == "scan" and not self.shipstation.v2_api_key.get_secret_value():
            raise ValueError(
                'sync.notify_customer is "scan" and shipstation.v2_api_key is empty: only ShipStation\'s V2 API tells of scans.'
                ' Create a key in ShipStation\'s settings, or set notify_customer = "label"'
            )
        return self

    @model_validator(mode="after")
    def _every_place_is_mapped(self) -> Settings:
        """A shipment of V2 must say from where it is sent."""
        if self.shipstation.orders_api == "v2":
            for name, store in self.stores.items():
                if not store.locations:
                    raise ValueError(
                        f"stores.{name}.locations: is empty, and ShipStation's V2 API takes no order without a warehouse."
                        f' Add [stores.{name}.locations] with a line such as "82734627" = 501'
                    )
        return self

    @field_validator("stores")
    @classmethod
    def _numbers_apart(cls, stores: dict[str, Store]) -> dict[str, Store]:
        """Every shop counts its orders from #1001 on: in one ShipStation store nobody could tell them apart."""
        places: dict[tuple[int | None, str], str] = {}
        for name, store in stores.items():
            place = (store.shipstation_store_id, store.order_prefix)
            if place in places:
                raise ValueError(
                    f"{places[place]} and {name} would bring the same order numbers into one ShipStation store;"
                    " give them different order_prefix, or a shipstation_store_id each"
                )
            places[place] = name
        return stores


def read_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Raises `SettingsError` with every problem. A path that was not asked for (None) need not exist."""
    problems: list[str] = []
    values = _file_values(path, problems)
    if problems:  # what the file would have said is not missing
        raise SettingsError(problems)
    _lay_environment_over(values, environ, problems)
    _read_rules(path, values, problems)
    _read_secret_files(values, "", problems)
    if not values:
        raise SettingsError(
            ["there is no syncd.toml here and nothing in the environment. Name the file with --config."]
        )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += [_sentence(item["loc"], item["type"], item["msg"]) for item in error.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def database_url(path: Path | None, environ: Mapping[str, str]) -> str:
    """Only the database, for commands that need nothing else."""
    problems: list[str] = []
    values = _file_values(path, problems)
    _lay_environment_over(values, environ, problems)
    if problems:
        raise SettingsError(problems)
    return Database.model_validate(values.get("database", {})).url


def _file_values(path: Path | None, problems: list[str]) -> dict[str, Any]:
    source = path or Path("syncd.toml")
    if path is None and not source.exists():
        return {}
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(f"{source}: cannot be read ({error.strerror}). Name the file with --config or SYNCD_CONFIG.")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{source}: is not valid TOML: {error}")
    return {}


def _read_rules(path: Path | None, values: dict[str, Any], problems: list[str]) -> None:
    """Puts what the rules mean in the place of their text."""
    settings, source = values.get("rules_settings"), path or Path("syncd.toml")
    if not settings and "rules" not in values:
        return
    file = settings.get("file") if isinstance(settings, dict) else None
    listed = values.pop("rules", [])
    try:
        if file and listed:
            problems.append(f"{source}: has [[rules]], and rules_settings.file names {file}. Keep them in one place.")
        elif file:
            values["rules"] = read_rules(source.parent / str(file))
        else:
            text = source.read_text(encoding="utf-8") if source.exists() else ""
            exact = tomllib.loads(text, parse_float=Decimal).get("rules", listed)
            values["rules"] = rules_of({"rules": exact, "rules_settings": settings or {}}, text, str(source))
    except RulesError as error:
        problems += error.problems


def read_rules(file: Path) -> Rules:
    """A file that holds nothing but rules. Raises `RulesError`."""
    try:
        return rules_of_file(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise RulesError([f"{file}: cannot be read ({reason})."]) from error


def _lay_environment_over(values: dict[str, Any], environ: Mapping[str, str], problems: list[str]) -> None:
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS):
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        if len(path) < 2:
            problems.append(
                f"{name}: is not a setting. Groups and keys are joined by two underscores: SYNCD_DATABASE__URL."
            )
            continue
        target = values
        for part in path[:-1]:
            target = target.setdefault(part, {})
        target[path[-1]] = text


def _read_secret_files(values: dict[str, Any], at: str, problems: list[str]) -> None:
    """`x_file` beside or instead of a secret `x` names the file that holds it."""
    for key, value in list(values.items()):
        where = f"{at}{key}"
        if isinstance(value, dict):
            _read_secret_files(value, f"{where}.", problems)
        elif isinstance(value, list):
            for place, one in enumerate(value):
                if isinstance(one, dict):
                    _read_secret_files(one, f"{where}.{place}.", problems)
        elif key.endswith("_file"):
            del values[key]
            secret = key.removesuffix("_file")
            if values.get(secret):
                problems.append(f"{at}{secret}: is set and {where} too. Keep one of them.")
                continue
            try:
                values[secret] = Path(value).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                problems.append(f"{where}: the file cannot be read. Check its path and permissions.")


def _sentence(path: tuple[int | str, ...], kind: str, reason: str) -> str:
    key = ".".join(str(part) for part in path if part != "[key]")
    name = PREFIX + "__".join(str(part) for part in path).upper()
    if kind == "missing" and key in EXAMPLES:
        return f"{key}: is missing. {EXAMPLES[key]}"
    if kind == "missing":
        return f"{key}: is missing. Set it in the file, or as {name}."
    if kind == "extra_forbidden":
        return f"{key}: is not a known setting. Check the spelling, or remove it."
    reason = reason.removeprefix("Value error, ")
    return f"{key}: {reason}." if key else f"{reason}."
