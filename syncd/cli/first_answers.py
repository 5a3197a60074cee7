"""The questions of `syncd init`: who the shop is, where its secrets are, and what of both accounts belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click

from syncd.adapters import SystemRng
from syncd.cli.questions import Choice, Questions, picked
from syncd.operate.first_settings import (
    API_KEY,
    API_SECRET,
    V2_KEY,
    WEBHOOK_SECRET,
    Answers,
    SecretPath,
    Secrets,
    shop_address,
)
from syncd.operate.offers import AccountOffer, ShopOffer
from syncd.shopify.reads import Location

NONE = Choice("none", "none of these")
IN_WORDS = {
    "client_secret": "Client secret of the app",
    "access_token": "Access token of the app",
    "api_key": "ShipStation V1 API key",
    "api_secret": "ShipStation V1 API secret",
    "v2_api_key": "ShipStation V2 API key, for rates, delivery news and stock (Enter: none)",
}


class Wishes(NamedTuple):
    """The options. None, and an empty tuple: to be asked."""

    name: str
    shop: str | None
    client_id: str | None
    secrets: str | None
    secrets_folder: Path
    public_url: str | None
    shipstation_store: str | None
    warehouse: Sequence[str]
    stock: Sequence[str]
    force: bool


def who_the_shop_is(ask: Questions, wishes: Wishes) -> Answers:
    shop = ask.text("--shop", wishes.shop, "The shop's permanent address, such as main-shop.myshopify.com", _shop)
    client_id = ask.text(
        "--client-id",
        wishes.client_id,
        "Client id of the app in the Dev Dashboard (Enter: an app of before 2026, with an access token)",
        default="" if ask.has_terminal else None,
    )
    return Answers(wishes.name, shop, client_id)


def where_secrets_are(ask: Questions, wishes: Wishes) -> Path | None:
    """None: in the environment."""
    choices = (
        Choice("files", f"in files of the folder {wishes.secrets_folder}, which only you can read"),
        Choice("env", "in the environment, as SYNCD_... variables"),
    )
    word = ask.choice("--secrets", wishes.secrets, "Where shall the secrets be?", choices, "files")
    return wishes.secrets_folder if word == "files" else None


def secrets_of(ask: Questions, secrets: Secrets, paths: Iterable[SecretPath], again: bool = False) -> None:
    """Those that are missing; `again`: all of them, and Enter keeps what is there."""
    for path in paths:
        there = secrets.has(path)
        if not there or again:
            question = IN_WORDS[path[-1]] + (" (Enter: as before)" if there else "")
            secret = ask.secret(secrets.place(path), question, not there and path != V2_KEY)
            if secret:
                secrets.keep(path, secret)


ACCOUNT_SECRETS = (API_KEY, API_SECRET, V2_KEY)


def what_belongs_together(
    ask: Questions, wishes: Wishes, answers: Answers, shop: ShopOffer, account: AccountOffer
) -> Answers:
    store = _store(ask, wishes, account)
    warehouses = _warehouses(ask, wishes, shop, account)
    return replace(
        answers,
        shipstation_store_id=store,
        currency=shop.currency_code.lower(),
        warehouses=warehouses,
        shelves=_shelves(ask, wishes, shop, account),
    )


def where_it_is_reached(ask: Questions, wishes: Wishes, answers: Answers, secrets: Secrets) -> Answers:
    """Its webhooks need a secret of their own: it is made where it may be kept."""
    question = (
        "Where both vendors reach the daemon, such as https://sync.example.com (Enter: nowhere, everything is polled)"
    )
    address = ask.text("--public-url", wishes.public_url, question, _web_address, "")
    if address and secrets.in_files and not secrets.has(WEBHOOK_SECRET):
        secrets.keep(WEBHOOK_SECRET, SystemRng().token())
    return replace(answers, public_url=address)


def _store(ask: Questions, wishes: Wishes, account: AccountOffer) -> int | None:
    choices = [Choice(str(one.store_id), one.name) for one in account.stores]
    if not choices:
        raise click.UsageError(
            "The ShipStation account has no manual store that is active. Create one"
            " (Settings > Selling Channels > Store Setup), then run init again."
        )
    only = choices[0].word if len(choices) == 1 or ask.has_terminal else None
    question = "Which ShipStation store do the orders of this shop go to?"
    word = ask.choice("--shipstation-store", wishes.shipstation_store, question, choices, only)
    return int(word) if word else None


def _warehouses(ask: Questions, wishes: Wishes, shop: ShopOffer, account: AccountOffer) -> dict[int, int]:
    choices = [*(Choice(str(one.warehouse_id), one.name) for one in account.warehouses), NONE]
    given = _pairs("--warehouse", wishes.warehouse, shop.locations)
    usual = next((str(one.warehouse_id) for one in account.warehouses if one.is_default), NONE.word)
    found = {}
    for one in shop.locations:
        option = f'--warehouse "{one.name}=..."'
        question = f"From which ShipStation warehouse do orders of {one.name} ({one.location_id}) leave?"
        default = _namesake(choices, one.name, usual) if ask.has_terminal else None
        word = ask.choice(option, given.get(one.location_id), question, choices, default)
        if word not in ("", NONE.word):
            found[one.location_id] = int(word)
    return found


def _shelves(ask: Questions, wishes: Wishes, shop: ShopOffer, account: AccountOffer) -> dict[int, str]:
    choices = [*(Choice(shelf_id, name) for shelf_id, name in account.shelves), NONE]
    given = _pairs("--stock", wishes.stock, shop.locations)
    found = {}
    for one in shop.locations:
        if not account.shelves and one.location_id not in given:
            continue
        question = f"Whose stock is compared with that of {one.name} ({one.location_id})? Nothing is written."
        word = ask.choice("--stock", given.get(one.location_id), question, choices, NONE.word)
        if word != NONE.word:
            found[one.location_id] = word
    return found


def _namesake(choices: Sequence[Choice], name: str, usual: str) -> str:
    return next((one.word for one in choices if one.text.casefold() == name.casefold()), usual)


def _pairs(option: str, given: Iterable[str], locations: Sequence[Location]) -> dict[int, str]:
    """Location id -> what stands behind the last `=`."""
    known = [Choice(str(one.location_id), one.name) for one in locations]
    found = {}
    for text in given:
        name, sign, word = text.rpartition("=")
        if not sign:
            raise click.UsageError(f'{option}: {text!r} has no =, as in "Main=501".')
        found[int(picked(option, name.strip(), known))] = word.strip()
    return found


def _shop(text: str) -> str:
    try:
        return shop_address(text)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _web_address(text: str) -> str:
    address = urlsplit(text)
    if text and (address.scheme not in ("http", "https") or not address.hostname):
        raise click.UsageError(f"{text!r} is no web address such as https://sync.example.com.")
    return text
