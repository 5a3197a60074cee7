"""Connections: one page of a list, with opaque cursors that belong to one sort key."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from syncd.sandbox.shopify.problems import Problem

T = TypeVar("T")

LARGEST_PAGE = 250


class Page(Generic[T]):
    """`cursor_of` gives the cursor of a node. Nodes are in the order asked for."""

    __slots__ = ("cursor_of", "has_next", "has_previous", "nodes")

    def __init__(self, nodes: Sequence[T], cursor_of: Callable[[T], str], has_next: bool, has_previous: bool) -> None:
        self.nodes = nodes
        self.cursor_of = cursor_of
        self.has_next = has_next
        self.has_previous = has_previous


def cursor(last_id: int, last_value: Any = None) -> str:
    more = "" if last_value is None else f',"last_value":{json.dumps(last_value)}'
    return base64.b64encode(f'{{"last_id":{last_id}{more}}}'.encode()).decode()


def opened(text: str) -> tuple[int, Any]:
    """The id and the sort value of a cursor."""
    try:
        content = json.loads(base64.b64decode(text, validate=True))
        return int(content["last_id"]), content.get("last_value")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise Problem(f"Invalid cursor for current pagination sort: '{text}'.", "BAD_REQUEST") from error


def page_size(args: dict[str, Any]) -> int:
    """`first` or `last`, one of which every connection demands."""
    size: int | None = args.get("first") if args.get("first") is not None else args.get("last")
    if size is None:
        raise Problem("you must provide one of first or last", "BAD_REQUEST")
    if size > LARGEST_PAGE:
        raise Problem(f"first must be less than or equal to {LARGEST_PAGE}", "BAD_REQUEST")
    return max(0, size)


def page(entries: Sequence[T], args: dict[str, Any]) -> Page[T]:
    """A page of a list that belongs to one object. Every entry has an `id`; the list is in its only order."""
    size = page_size(args)
    if args.get("reverse"):
        entries = entries[::-1]
    start, end = 0, len(entries)
    if args.get("after"):
        start = _position(entries, args["after"]) + 1
    if args.get("before"):
        end = _position(entries, args["before"])
    if args.get("first") is None:
        first = max(start, end - size)
        return Page(entries[first:end], _cursor_by_id, end < len(entries), first > 0)
    last = min(end, start + size)
    return Page(entries[start:last], _cursor_by_id, last < len(entries), start > 0)


def _cursor_by_id(entry: Any) -> str:
    return cursor(entry.id)


def _position(entries: Sequence[Any], text: str) -> int:
    last_id = opened(text)[0]
    for position, entry in enumerate(entries):
        if entry.id == last_id:
            return position
    raise Problem(f"Invalid cursor for current pagination sort: '{text}'.", "BAD_REQUEST")
