"""A merchant's first settings: where their secrets are, and the file that says all the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mappings.carriers import is_trackable
from syncd.operate.offers import AccountOffer, ShopOffer
from syncd.settings.reading import environment_name
from syncd.shopify.access import check_shop_domain
from syncd.toml_text import toml_text

SecretPath = tuple[str, ...]
"""Of its setting, such as ("shipstation", "api_key")."""

API_KEY, API_SECRET, V2_KEY, WEBHOOK_SECRET = (
    ("shipstation", name) for name in ("api_key", "api_secret", "v2_api_key", "webhook_secret")
)

HEAD = """Settings of syncd, made by `syncd init`. `syncd doctor` checks them; README.md tells of all the others.
No secret is in here: each comes from the environment or from the file that its key with _file names."""
SHIPSTATION = (
    """key_expires_on = 2027-05-01 here makes syncd warn in time: ShipStation shows the date, and no API tells it."""
)
STORE = """Only orders made after the first start are sent, unless [sync] start_at names an earlier moment.
shipstation_store_id is a manual store; ShipStation's own connection to the shop must be off."""
LOCATIONS = """Shopify location = ShipStation warehouse. Orders that leave from another location wait for a person."""
STOCK = """Compared, and never written as long as no owner is named: docs/stock.md."""


@dataclass(frozen=True)
class Answers:
    """`warehouses` and `shelves` are by Shopify location id."""

    store: str
    shop: str
    client_id: str
    public_url: str = ""
    shipstation_store_id: int | None = None
    currency: str = "usd"
    warehouses: Mapping[int, int] = field(default_factory=dict)
    shelves: Mapping[int, str] = field(default_factory=dict)


class Secrets:
    """Each in the environment, or in a file of `folder`. What is typed for the environment is tried and not kept."""

    def __init__(self, folder: Path | None, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self.environ = dict(environ)
        self.to_set: list[str] = []
        """Names in the environment that the next command needs."""

    @property
    def in_files(self) -> bool:
        return self._folder is not None

    def has(self, path: SecretPath) -> bool:
        return self._in_environment(path) or (self.in_files and self._file(path).is_file())

    def place(self, path: SecretPath) -> str:
        """For people."""
        return environment_name(path) if self._in_environment(path) or not self._folder else str(self._file(path))

    def keep(self, path: SecretPath, secret: str) -> None:
        name = environment_name(path)
        if self._in_environment(path) or not self._folder:
            self.environ.pop(f"{name}_FILE", None)
            self.environ[name] = secret
            self.to_set = [*(one for one in self.to_set if one != name), name]
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._file(path)
        file.touch(mode=0o600)
        file.write_text(f"{secret}\n", encoding="utf-8")

    def rows(self, *paths: SecretPath) -> dict[str, str]:
        """Keys of one table that name files."""
        return {
            f"{path[-1]}_file": str(self._file(path))
            for path in paths
            if self.has(path) and not self._in_environment(path)
        }

    def _in_environment(self, path: SecretPath) -> bool:
        name = environment_name(path)
        return name in self.environ or f"{name}_FILE" in self.environ

    def _file(self, path: SecretPath) -> Path:
        return (self._folder or Path()) / "_".join(path[-2:])


def store_secrets(answers: Answers) -> list[SecretPath]:
    """An app that was made in the admin before 2026 has a token, and its secret signs webhooks only."""
    names = ("client_secret",) if answers.client_id else ("access_token", "client_secret")
    return [("stores", answers.store, name) for name in names]


def shop_address(text: str) -> str:
    """`main-shop`, or as pasted from a browser. Raises ValueError with a sentence."""
    host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    shop = host if "." in host else f"{host}.myshopify.com"
    check_shop_domain(shop)
    return shop


def settings_values(answers: Answers, secrets: Secrets) -> dict[str, Any]:
    """As they would be read from the file."""
    store = {
        "shop": answers.shop,
        **({"client_id": answers.client_id} if answers.client_id else {}),
        **secrets.rows(*store_secrets(answers)),
        **({"shipstation_store_id": answers.shipstation_store_id} if answers.shipstation_store_id else {}),
        **({"currency": answers.currency} if answers.currency != "usd" else {}),
        "locations": {str(location): warehouse for location, warehouse in answers.warehouses.items()},
        "stock": {str(location): {"inventory_location": shelf} for location, shelf in answers.shelves.items()},
    }
    return {
        **({"server": {"public_url": answers.public_url}} if answers.public_url else {}),
        "shipstation": secrets.rows(API_KEY, API_SECRET, V2_KEY, WEBHOOK_SECRET),
        "stores": {answers.store: store},
    }


def settings_text(answers: Answers, secrets: Secrets, shop: ShopOffer, account: AccountOffer) -> str:
    at = ("stores", answers.store)
    stores = {one.store_id: one.name for one in account.stores}
    warehouses = {one.warehouse_id: one.name for one in account.warehouses}
    shelves = dict(account.shelves)
    notes: dict[tuple[str, ...], str] = {
        (): HEAD,
        ("server", "public_url"): "where both vendors reach the port of the daemon",
        ("shipstation",): _shipstation_note(answers, secrets, account),
        at: f"{shop.name}.\n{STORE}",
        (*at, "shipstation_store_id"): stores.get(answers.shipstation_store_id or 0, ""),
    }
    if answers.warehouses:
        notes[*at, "locations"] = LOCATIONS
    for one in shop.locations:
        name = str(one.location_id)
        notes[*at, "locations", name] = f"{one.name} = {warehouses.get(answers.warehouses.get(one.location_id, 0))}"
        notes[*at, "stock", name, "inventory_location"] = (
            f"{one.name}: {shelves.get(answers.shelves.get(one.location_id, ''))}"
        )
    if answers.shelves:
        notes[*at, "stock"] = STOCK
    return toml_text(settings_values(answers, secrets), {path: _printable(note) for path, note in notes.items()})


def _shipstation_note(answers: Answers, secrets: Secrets, account: AccountOffer) -> str:
    lines = [SHIPSTATION]
    if not secrets.has(V2_KEY):
        lines.append("Without a V2 key there are no rates, no delivery news and no stock.")
    if answers.public_url and not secrets.has(WEBHOOK_SECRET):
        lines.append("Without a webhook_secret (openssl rand -hex 16) its packages are found by asking every minute.")
    if unknown := sorted({code for code in account.carriers if not is_trackable(code)}):
        lines.append(
            f"Customers get no tracking link for {', '.join(unknown)}: [carriers.<code>] with company and url makes one."
        )
    return "\n".join(lines)


def _printable(note: str) -> str:
    """Names are the vendors' words, and a comment ends at no other character than its line's."""
    return "\n".join("".join(sign for sign in line if sign.isprintable()) for line in note.splitlines())
