"""The spelling of documents: one text for equal content, a digest of it, and which fields differ. Amounts never pass through floats."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

import simplejson

MAPPING_VERSION = 1
"""Raised when the same article would give another ShipStation product than before."""

LONGEST_EXPONENT = 400
"""A number such as 1e999999 would be written out as a million digits."""


def dumps(document: object) -> str:
    """JSON in ASCII, as it is sent: key order kept, a Decimal becomes a JSON number with exactly its digits. Refuses NaN and
    infinity. A batch of a hundred orders is 200 kB, and nothing else runs meanwhile: this is C."""
    return simplejson.dumps(document, separators=(",", ":"), encoding=None, use_decimal=False, default=_exact)


def loads(text: str | bytes) -> Any:
    """JSON as it is read: fractions become Decimal, NaN and Infinity are refused with ValueError."""
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse)


def canonical(document: object) -> str:
    """One text for all spellings: keys sorted, 1.50 = 1.5 and 2.0 = 2. Refuses floats."""
    return _text(document)


def digest(document: object) -> str:
    """`<mapping version>:<sha256>`: another version is another digest, and says so."""
    return f"{MAPPING_VERSION}:{hashlib.sha256(canonical(document).encode()).hexdigest()}"


def differing_fields(
    a: Mapping[str, Any], b: Mapping[str, Any], fields: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Sorted names of the top-level fields that differ; a missing field equals null."""
    names = a.keys() | b.keys() if fields is None else fields
    return tuple(sorted(name for name in names if not same(a.get(name), b.get(name))))


def same(a: object, b: object) -> bool:
    """Whether both have the same canonical text. Texts are made of what is not equal at sight."""
    if isinstance(a, str) and a == b:
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[name]) for name, value in a.items())
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return canonical(a) == canonical(b)


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_string(key)}:{_text(item)}" for key, item in sorted(value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_text, value)) + "]"
    if value is None or isinstance(value, bool | str):
        return _string(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, Decimal):
        return _number(value)
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _string(value: str | bool | None) -> str:
    # ASCII escapes: a lone surrogate, which JSON may carry, can neither be encoded nor hashed otherwise.
    return encode_basestring_ascii(value) if isinstance(value, str) else json.dumps(value)


def _number(value: Decimal) -> str:
    text = _digits(value)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _digits(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > LONGEST_EXPONENT:
        raise ValueError("not a number that JSON should carry")
    return format(value, "f")


def _exact(value: object) -> simplejson.RawJSON:
    if isinstance(value, Decimal):
        return simplejson.RawJSON(_digits(value))
    raise TypeError(f"{type(value).__name__} has no exact JSON form")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
