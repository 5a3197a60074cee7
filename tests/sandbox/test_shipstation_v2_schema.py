"""Every V2 answer of the sandbox against the vendor's own schema: no member of our invention, none missing, no unknown word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox.test_shipstation_v2 import V2Caller, shipment_body

NAMES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


class Schemas:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def of_answer(self, method: str, path: str) -> Mapping[str, Any]:
        content = self._document["paths"][path][method]["responses"]["200"]["content"]
        schema: Mapping[str, Any] = next(iter(content.values()))["schema"]
        return schema

    def problems(self, value: Any, schema: Mapping[str, Any], at: str) -> Iterator[str]:
        schema = self._whole(schema)
        if value is None:
            return  # real answers hold null in many a place that the schema does not call nullable
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is no word of the vendor's"
        kinds = schema.get("type", "object" if "properties" in schema else [])
        allowed = [NAMES[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind in NAMES]
        if allowed and not any(isinstance(value, kind) for kind in allowed):
            yield f"{at}: {value!r} is not {kinds}"
        if isinstance(value, dict) and schema.get("properties"):
            yield from self._of_members(value, schema, at)
        if isinstance(value, list):
            for number, row in enumerate(value):
                yield from self.problems(row, schema.get("items", {}), f"{at}[{number}]")

    def _of_members(self, value: dict[str, Any], schema: Mapping[str, Any], at: str) -> Iterator[str]:
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}.{name} is missing"
        for name, member in value.items():
            if name not in schema["properties"]:
                yield f"{at}.{name} is not in the schema"
            else:
                yield from self.problems(member, schema["properties"][name], f"{at}.{name}")

    def _whole(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """References and `allOf` put together. Alternatives are not looked into."""
        if "$ref" in schema:
            found: Any = self._document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            return self._whole(found)
        parts = [self._whole(part) for part in schema.get("allOf", [])]
        properties = {name: member for part in (*parts, schema) for name, member in part.get("properties", {}).items()}
        required = [name for part in (*parts, schema) for name in part.get("required", [])]
        whole: dict[str, Any] = {}
        for part in (*parts, schema):
            whole |= part
        return whole | ({"properties": properties, "required": required} if properties else {})


@pytest.fixture(scope="module")
def schemas(shared: Path) -> Schemas:
    return Schemas(yaml.safe_load((shared / "api" / "shipstation-v2.openapi.yaml").read_text()))


@pytest.fixture(scope="module")
def caller() -> V2Caller:
    caller = V2Caller()
    caller.world.stock.count("MUG", 701, 10)
    [made, marked] = caller.ship(shipment_body(), shipment_body("shop-2", customs=CUSTOMS))
    label = caller.post(f"/v2/labels/shipment/{made['shipment_id']}", {})
    caller.world.carriage.scan(int(label["label_id"][3:]), "EX", "PARCEL_LOST", "Lost")
    caller.post(f"/v2/labels/{label['label_id']}/return", {})
    caller.world.labels.mark_shipped(int(marked["shipment_id"][3:]), "ups", "1Z1")
    wish = {"name": "n", "event": "label_created_v2", "url": "https://sync.test/v2"}
    caller.post("/v2/environment/webhooks", wish)
    return caller


CUSTOMS = {
    "contents": "merchandise",
    "non_delivery": "return_to_sender",
    "customs_items": [{"description": "Mug", "quantity": 1, "value": 9.5, "harmonized_tariff_code": "6912.00"}],
}

LISTS = (
    "/v2/shipments",
    "/v2/labels",
    "/v2/fulfillments",
    "/v2/inventory",
    "/v2/inventory_locations",
    "/v2/inventory_warehouses",
    "/v2/products",
    "/v2/warehouses",
    "/v2/carriers",
    "/v2/tags",
    "/v2/environment/webhooks",
)


@pytest.mark.parametrize("path", LISTS)
def test_lists_are_what_the_schema_says(path: str, schemas: Schemas, caller: V2Caller) -> None:
    answer = caller.get(path)
    assert list(schemas.problems(answer, schemas.of_answer("get", path), "answer")) == []
    assert answer if isinstance(answer, list) else next(iter(answer.values())), "an empty list proves nothing"


@pytest.mark.parametrize(
    ("template", "end"),
    [("/v2/shipments/{shipment_id}", ""), ("/v2/labels/{label_id}/track", "/track"), ("/v2/labels/{label_id}", "")],
)
def test_single_rows_are_what_the_schema_says(template: str, end: str, schemas: Schemas, caller: V2Caller) -> None:
    kind = template.split("/")[2]
    row = next(row for row in caller.get(f"/v2/{kind}")[kind] if not row.get("is_return_label"))
    answer = caller.get(f"/v2/{kind}/{row[f'{kind[:-1]}_id']}{end}")
    assert list(schemas.problems(answer, schemas.of_answer("get", template), "answer")) == []


def test_a_creation_is_answered_as_the_schema_says(schemas: Schemas) -> None:
    answer = V2Caller().post("/v2/shipments", {"shipments": [shipment_body()]})
    assert list(schemas.problems(answer, schemas.of_answer("post", "/v2/shipments"), "answer")) == []
