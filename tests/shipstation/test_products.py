"""One product read to be replaced whole: what the answer leaves out would be erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from mappings.shipstation_shapes import WholeProduct
from syncd.errors import TransientError
from syncd.ports import Response
from syncd.sandbox.shipstation.v1_documents import dumps, product_document
from syncd.shipstation.products import product_by_id
from syncd.shipstation.writes import upsert_orders
from tests.shipstation.account import ORDERS, Account, Scripted, document


async def _shown() -> dict[str, Any]:
    """As the sandbox shows a product that an order made."""
    account = Account()
    items = [{"lineItemKey": "1:1", "sku": "MUG", "name": "Mug", "quantity": 1}]
    await account.do(upsert_orders(account.client, [document("main-1-1-1", items=items)], ORDERS))
    shown: dict[str, Any] = json.loads(dumps(product_document(next(iter(account.world.account.products.values())))))
    return shown


async def _read(body: Any, product_id: int) -> Any:
    account = Account(Scripted(*[Response(200, {}, json.dumps(body).encode())] * 3))
    return await account.do(product_by_id(account.client, product_id))


@pytest.mark.parametrize("name", [name for name in get_type_hints(WholeProduct) if name != "productId"])
async def test_a_product_of_which_a_member_is_left_out_is_not_read(name: str) -> None:
    shown = await _shown()
    assert await _read(shown, shown["productId"])
    del shown[name]
    with pytest.raises(TransientError, match=name):
        await _read(shown, shown["productId"])


async def test_a_real_product_is_read_as_it_came(shared: Path) -> None:
    body = (shared / "payloads" / "shipstation-v1" / "ss1-product.json").read_bytes()
    product = json.loads(body)
    assert await _read(product, product["productId"]) == product
