"""What of our documents tells of a person, and how to keep it out of texts: a vendor that refuses a value likes to quote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mappings.shipstation_shapes import Order

MEMBERS = ("shipTo", "billTo", "customerEmail", "customerUsername", "customerNotes", "internalNotes", "giftMessage")
FREE_MEMBERS = ("customField1", "customField2", "customField3")
SHORTEST = 3
"""Anything shorter tells of nobody, and is part of other words."""


def without_personal(text: str, documents: Sequence[Order]) -> str:
    """`text` with the values of the documents' personal fields blanked, however they are capitalised."""
    values = {value.strip() for document in documents for value in _personal(document)}
    found = sorted((value for value in values if len(value) >= SHORTEST), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, found)), "[...]", text, flags=re.IGNORECASE) if found else text


def _personal(document: Order) -> Iterator[str]:
    for name in MEMBERS:
        yield from _texts(document.get(name))
    options: Any = document.get("advancedOptions") or {}
    for name in FREE_MEMBERS:
        yield from _texts(options.get(name))


def _texts(value: Any) -> Iterator[str]:
    """Lines one by one too: whoever quotes may quote the first alone."""
    if isinstance(value, str):
        yield value
        yield from value.splitlines()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
