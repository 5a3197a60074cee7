"""From a vendor's JSON to one of our shapes: strict about what an answer means, lenient about how it is written.

Numbers may come as text and text as numbers, unknown words and unknown members stay. What is of another kind, or is not there
although the shape needs it, makes the whole answer malformed: a part of it that looks right must not be taken for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from mappings.keys import LARGEST_ID

Reader = Callable[[Any], Any]
"""A value -> what it means. Raises `MalformedError`."""

WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]{1,19})?", re.ASCII)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Characters that JSON can spell and no database keeps."""

TRUTHS = {"true": True, "false": False}


class MalformedError(ValueError):
    """The text names the place and what was expected there, never what was found: that may be somebody's name."""

    def __init__(self, expected: str, place: str = "") -> None:
        super().__init__(f"{place or 'the answer'} {expected}")
        self._expected = expected
        self._place = place

    def inside(self, name: str | int) -> MalformedError:
        """The same, one level further out. The place is put together only when something is wrong there."""
        return MalformedError(self._expected, f"{name}.{self._place}".rstrip("."))


def decoded(shape: Any, value: Any) -> Any:
    """`value` as the TypedDict `shape`; members that it does not name are kept as they are."""
    return reader_of(shape)(value)


@cache
def reader_of(shape: Any) -> Reader:
    """A member that may be left out may also be null: it is left out then. Text marked with a function must be what it reads."""
    if shape in _PLAIN:
        return _PLAIN[shape]
    if is_typeddict(shape):
        return _record(shape)
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is list:
        return _list(reader_of(arguments[0]))
    if origin is dict:
        return _dict(reader_of(arguments[1]))
    if origin is Annotated:
        return _checked(reader_of(arguments[0]), arguments[1])
    if origin in (Union, UnionType):
        (inner,) = (one for one in arguments if one is not NoneType)
        return _or_none(reader_of(inner))
    raise TypeError(f"no way to read {shape}")


def _record(shape: Any) -> Reader:
    needed, optional = dict[str, Reader](), dict[str, Reader]()
    for name, kind in get_type_hints(shape, include_extras=True).items():
        is_needed = get_origin(kind) is Required or (shape.__total__ and get_origin(kind) is not NotRequired)
        inner = get_args(kind)[0] if get_origin(kind) in (Required, NotRequired) else kind
        (needed if is_needed else optional)[name] = reader_of(inner)

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MalformedError("is no object")
        record = dict(value)
        name = ""
        try:
            for name, part in needed.items():
                if name not in value:
                    raise MalformedError("is missing")
                record[name] = part(value[name])
            for name, part in optional.items():
                if value.get(name) is not None:
                    record[name] = part(value[name])
                elif name in record and not getattr(part, "takes_null", False):
                    del record[name]
        except MalformedError as error:
            raise error.inside(name) from None
        return record

    return read


def _list(inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise MalformedError("is no list")
        rows: list[Any] = []
        try:
            for one in value:
                rows.append(inner(one))
        except MalformedError as error:
            raise error.inside(len(rows)) from None
        return rows

    return read


def _dict(inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise MalformedError("is no object")
        return {str(name): inner(one) for name, one in value.items()}

    return read


def _checked(inner: Reader, check: Callable[[Any], Any]) -> Reader:
    def read(value: Any) -> Any:
        text = inner(value)
        try:
            check(text)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise MalformedError("is not what it should be") from error
        return text

    return read


def _or_none(inner: Reader) -> Reader:
    def read(value: Any) -> Any:
        return None if value is None else inner(value)

    read.takes_null = True  # type: ignore[attr-defined]
    return read


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value if value.isascii() and "\x00" not in value else UNSTORABLE.sub("", value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise MalformedError("is no text")


def _whole(value: Any) -> int:
    if isinstance(value, str) and WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_ID:
        return value
    raise MalformedError("is no whole number")


def _number(value: Any) -> Any:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite():
        return value
    raise MalformedError("is no number")


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(_number(value))
    except InvalidOperation as error:
        raise MalformedError("is no number") from error


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        value = TRUTHS.get(value.lower())
    if isinstance(value, bool):
        return value
    raise MalformedError("is neither true nor false")


def _anything(value: Any) -> Any:
    return value


_PLAIN: dict[Any, Reader] = {
    str: _text,
    int: _whole,
    float: _number,
    Decimal: _decimal,
    bool: _truth,
    Any: _anything,
}
