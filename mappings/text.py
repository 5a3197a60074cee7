"""Text for labels and pick lists: composed letters, no control characters, no emoji, single blanks. Letters are never lost."""

from __future__ import annotations

import re
import unicodedata

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u23e9-\u23fa\u231a\u231b\ufe0e\ufe0f\u20e3\U000e0000-\U000e01ef]"
)
# A joiner between two letters shapes Persian and Indic words; anywhere else it is left over from an emoji or a paste.
_STRAY_JOINER = re.compile(r"(?<!\w)[\u200c\u200d]+|[\u200c\u200d]+(?!\w)")
_UNWANTED = {"Cc", "Cf", "Cs", "Co"}


def clean_text(text: str | None) -> str:
    """NFC; emoji, control, format and private characters go, line breaks and tabs become blanks, blanks become one."""
    if text and text.isascii() and text.isprintable():
        return " ".join(text.split())
    spaced = "".join(_kept(char) for char in unicodedata.normalize("NFC", _EMOJI.sub("", text or "")))
    # Removing a format character may bring a letter and its accent together.
    return " ".join(unicodedata.normalize("NFC", _STRAY_JOINER.sub("", spaced)).split())


def clean_lines(text: str | None) -> str:
    """As `clean_text`, with the line breaks kept: for notes."""
    return "\n".join(clean_text(line) for line in (text or "").splitlines()).strip()


def goods_name(title: str | None, variant_title: str | None) -> str:
    """`T-Shirt - M / Black`; a product without variants has one that Shopify calls `Default Title`."""
    names = [clean_text(title), clean_text(shown_variant(variant_title))]
    return " - ".join(name for name in names if name)


def shown_variant(variant_title: str | None) -> str | None:
    return None if variant_title == "Default Title" else variant_title


def _kept(char: str) -> str:
    if char in "\u200c\u200d":
        return char
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in _UNWANTED or char == "\ufffd" else char
