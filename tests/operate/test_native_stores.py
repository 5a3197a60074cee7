from __future__ import annotations

import pytest

from syncd.operate.native_stores import native_connections
from syncd.sandbox.shipstation.options import Store as SandboxStore
from syncd.shipstation.reads import Store, stores
from tests.shipstation.account import Account

SHOP = "main-shop.myshopify.com"


def native(
    name: str = "Web shop", account: str = "", url: str = "", active: bool = True, kind: str = "Shopify"
) -> Store:
    return Store(7, name, False, active, kind, account, url)


@pytest.mark.parametrize(
    ("store", "answer"),
    [
        pytest.param(native(account="main-shop"), "same", id="handle"),
        pytest.param(native(account="Main-Shop.myshopify.com"), "same", id="account"),
        pytest.param(native(url="https://main-shop.myshopify.com/admin"), "same", id="address"),
        pytest.param(native(name="main-shop.myshopify.com"), "same", id="name"),
        pytest.param(native(url="https://my-main-shop.myshopify.com"), "other", id="longer name"),
        pytest.param(native(url="https://main-shop.myshopify.com.evil.example"), "other", id="another address"),
        pytest.param(native(account="main-shop", active=False), "other", id="inactive"),
        pytest.param(native(account="main-shop", kind="Etsy"), "other", id="another marketplace"),
        pytest.param(native(kind="Shopify Plus"), "silent", id="says nothing"),
    ],
)
def test_which_connections_import_the_shop_already(store: Store, answer: str) -> None:
    same, silent = native_connections(SHOP, [store])
    assert (bool(same), bool(silent)) == (answer == "same", answer == "silent")


async def test_the_account_shows_what_a_native_store_imports() -> None:
    shopify = SandboxStore(1003, "Web shop", 3, "Shopify", account_name=SHOP)
    account = Account(stores=(SandboxStore(1001, "Manual"), shopify))
    same, silent = native_connections(SHOP, await account.do(stores(account.client)))
    assert ([one.store_id for one in same], silent) == ([1003], [])
