"""Letters of other scripts than Latin: which these are, and an address written in Latin letters where the merchant wants that.

How a letter sounds is not decided here: that table is handed in.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import cast

from mappings.shopify_shapes import MailingAddress
from mappings.text import clean_text

ToLatin = Callable[[str], str]
"""One character of another script -> Latin letters, nothing where it has no sound."""

PRINTED = ("name", "firstName", "lastName", "company", "address1", "address2", "city", "province", "provinceCode")

_ROMAN = ("LATIN", "FULLWIDTH LATIN", "FEMININE ORDINAL", "MASCULINE ORDINAL", "MODIFIER LETTER", "COMBINING")
_SIGNS = ("CJK UNIFIED", "CJK COMPATIBILITY")


def is_foreign_text(text: str | None) -> bool:
    """Whether it holds a letter that Unicode does not call Latin; digits, marks and the ordinal signs are nobody's script."""
    if not text or text.isascii():
        return False
    return any(char.isalpha() and not _is_roman(char) for char in text)


def in_latin(address: MailingAddress, to_latin: ToLatin) -> MailingAddress:
    """Only what is in another script changes: accents of Latin letters stay."""
    written = {part: _in_latin(text, to_latin) for part, text in _foreign_parts(address)}
    return cast(MailingAddress, {**address, **written})


def as_written(address: MailingAddress | None) -> str | None:
    """What of an address is in another script, in one line; None when nothing is."""
    parts = _foreign_parts(address) if address else ()
    return ", ".join(dict.fromkeys(clean_text(text) for _, text in parts)) or None


def _foreign_parts(address: MailingAddress) -> Iterable[tuple[str, str]]:
    parts = ((part, cast(dict[str, str | None], address).get(part)) for part in PRINTED)
    return [(part, text) for part, text in parts if text and is_foreign_text(text)]


def _in_latin(text: str, to_latin: ToLatin) -> str:
    """Chinese signs are words: they come out with blanks between them."""
    letters = "".join(
        char if _is_roman(char) else f" {to_latin(char)} " if _name(char).startswith(_SIGNS) else to_latin(char)
        for char in clean_text(text)
    )
    return " ".join(letters.split())


def _is_roman(char: str) -> bool:
    return char.isascii() or _name(char).startswith(_ROMAN)


def _name(char: str) -> str:
    return unicodedata.name(char, "")
