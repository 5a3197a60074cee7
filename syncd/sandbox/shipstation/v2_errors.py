"""The error envelope of V2 (docs.shipstation.com, V2 errors, 2026-11)."""

from __future__ import annotations

import json
from typing import Any

from syncd.ports import Response
from syncd.sandbox.shipstation.refusals import Conflict, Invalid, Locked, NotFound, Refusal

JSON_HEADERS = {"content-type": "application/json; charset=utf-8"}
REQUEST_ID = "4d1f3a52-2f4c-4b7e-9a57-2f5d0b1f6c11"


def error_answer(status: int, error_type: str, code: str, message: str, **more: Any) -> Response:
    error = {"error_source": "ShipStation", "error_type": error_type, "error_code": code, "message": message, **more}
    body = json.dumps({"request_id": REQUEST_ID, "errors": [error]}).encode()
    return Response(status, JSON_HEADERS, body)


def refusal_answer(refusal: Refusal) -> Response:
    match refusal:
        case NotFound():
            return error_answer(404, "business_rules", "invalid_identifier", str(refusal))
        case Conflict():
            return error_answer(refusal.status, "business_rules", refusal.code, str(refusal))
        case Locked():
            return error_answer(400, "business_rules", "invalid_status", str(refusal))
        case Invalid():
            names = {"field_name": refusal.field, "field_value": None}
            return error_answer(400, "validation", "invalid_field_value", str(refusal), **names)
    return error_answer(400, "business_rules", "unspecified", str(refusal))
