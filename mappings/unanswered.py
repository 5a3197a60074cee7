"""Where an answer of ShipStation is outstanding: which of the words that show there are ours, and which somebody typed since.

What we sent is not kept, for it names people. Of each text its fingerprint is: it tells whether Shopify still wants what was
sent then. If so, what shows there and is neither that nor what was there before is a person's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, cast

from mappings.canonical import dumps
from mappings.carry_over import CONTESTED, edited_there, is_regrouped
from mappings.plans import Consignment, Standing
from mappings.recalled import is_forgotten
from mappings.shipstation_shapes import Order

SHOWN_LATE = timedelta(minutes=2)
"""Reads may lag behind writes for as long."""


def fingerprints(document: Order, fields: Collection[str]) -> dict[str, str]:
    """Of those of `fields` that people type into as well; of all of them where `fields` is empty, as when an order is made."""
    names = CONTESTED.intersection(fields) if fields else CONTESTED
    return {name: _fingerprint(cast(Mapping[str, Any], document).get(name)) for name in sorted(names)}


def hands_off(
    seen: Consignment, known: Consignment, truth: Order | None, wanted: Order | None, now: datetime
) -> Consignment:
    """`seen`, with that as applied which leaves alone what a person typed. It was typed over what we sent only where that made the
    order, and stays. Over which words otherwise nobody can tell: where Shopify wants others than before, a person is asked."""
    is_late = known.pushed_at is not None and known.pushed_at > now - SHOWN_LATE
    if known.standing is not Standing.INTENDED or is_forgotten(known) or not (seen.applied and truth and wanted):
        return seen
    if is_late or is_regrouped(truth):
        return seen
    told = known.sent_in_doubt or _untold(known, wanted)
    typed = [name for name, sent in told.items() if _is_typed(name, sent, truth, wanted, known.applied)]
    words = {name: _before(name, told[name], known.applied, wanted) for name in typed}
    return replace(seen, applied=cast(Order, {**seen.applied, **words}))


def _untold(known: Consignment, wanted: Order) -> Mapping[str, Collection[str]]:
    """Where an earlier version sent it and kept nothing: an internal note is the warehouse's more often than ours."""
    is_in_doubt = known.fields_in_doubt is None or "internalNotes" in known.fields_in_doubt
    return {"internalNotes": {_fingerprint(wanted.get("internalNotes"))}} if is_in_doubt else {}


def _before(field: str, sent: Collection[str], applied: Order | None, wanted: Order) -> object:
    ours = cast(Mapping[str, Any], wanted).get(field)
    is_made_so = applied is None and _fingerprint(ours) in sent
    return ours if is_made_so else cast(Mapping[str, Any], applied or {}).get(field)


def _is_typed(field: str, sent: Collection[str], truth: Order, wanted: Order, before: Order | None) -> bool:
    """Of an address only while Shopify wants the same, for ShipStation may spell it anew; of a plain text always."""
    shown, ours = (cast(Mapping[str, Any], one).get(field) for one in (truth, wanted))
    if not edited_there(truth, wanted, [field]) or (before and not edited_there(truth, before, [field])):
        return False
    is_text = isinstance(shown, str | None) and isinstance(ours, str | None)
    return _fingerprint(shown) not in sent if is_text else set(sent) == {_fingerprint(ours)}


def _fingerprint(value: object) -> str:
    text = (value or "").strip().casefold() if isinstance(value, str | None) else dumps(value)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
