"""ShipStation's key pairs as an operator sees them: which one is in use, when it expires, and which one may be deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from syncd.logs import get_logger
from syncd.operate.desk import Desk
from syncd.settings.groups import KeyPair
from syncd.shipstation.keys import QUIET, key_id, login_of
from syncd.store.keys import KeyUseRow, key_uses
from syncd.store.transaction import Work

log = get_logger("keys")

WARN_DAYS = (30, 14, 3)

EXPIRY_SETTINGS = {
    "shipstation.api_key": "shipstation.key_expires_on",
    "shipstation.next_api_key": "shipstation.next_key_expires_on",
}

KeyTold = dict[str, Any]


def key_report(pairs: Sequence[KeyPair], now: datetime) -> Work[list[KeyTold]]:
    """The pairs of the settings in their order, then those that were used before and are in the settings no more."""

    def work(session: Session) -> list[KeyTold]:
        rows = {row.key_id: row for row in key_uses()(session)}
        used = next((row for row in rows.values() if _is_fresh(row, now) and not row.is_refused), None)
        told = [_told(pair, rows.pop(key_id(pair), None), used, now) for pair in pairs]
        return told + [_told(None, row, used, now) for row in rows.values()]

    return work


def _is_fresh(row: KeyUseRow, now: datetime) -> bool:
    return row.last_used_at is not None and now - row.last_used_at < QUIET


def _told(pair: KeyPair | None, row: KeyUseRow | None, used: KeyUseRow | None, now: datetime) -> KeyTold:
    expires_on = pair.expires_on if pair else None
    return {
        "setting": f"shipstation.{pair.name}" if pair else None,
        "ends_in": row.ends_in if row else login_of(pair).ends_in if pair else "",
        "state": _state(row, used, now),
        "used_since": _iso(row.used_since if row else None),
        "last_used_at": _iso(row.last_used_at if row else None),
        "refused_at": _iso(row.refused_at if row and row.is_refused else None),
        "expires_on": expires_on.isoformat() if expires_on else None,
        "days_left": (expires_on - now.date()).days if expires_on else None,
        "may_be_deleted_at": _iso(_deletable_at(row, used)),
    }


def _state(row: KeyUseRow | None, used: KeyUseRow | None, now: datetime) -> str:
    if row is None:
        return "unused"
    if row == used:
        return "in_use"
    if row.is_refused:
        return "refused"
    return "leaving" if _is_fresh(row, now) else "idle"


def _deletable_at(row: KeyUseRow | None, used: KeyUseRow | None) -> datetime | None:
    """Only of a pair whose use ended before that of the present one began: another may be the next one."""
    if row is None or used is None or row == used or used.used_since is None:
        return None
    if row.last_used_at is None:
        return row.refused_at
    is_older = row.is_refused or (row.used_since or row.last_used_at) < used.used_since
    return row.last_used_at + QUIET if is_older else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


async def read_keys(desk: Desk) -> list[KeyTold]:
    now = desk.clock.now()
    keys = await desk.db.run(key_report(desk.settings.shipstation.key_pairs(), now))
    return [with_advice(one, now) for one in keys]


def with_advice(one: KeyTold, now: datetime) -> KeyTold:
    return one | {"advice": _advice(one, now)}


def _advice(one: KeyTold, now: datetime) -> str:
    deletable_at = one["may_be_deleted_at"]
    if deletable_at and datetime.fromisoformat(deletable_at) <= now:
        return "It may be deleted in ShipStation" + (" and taken out of the settings." if one["setting"] else ".")
    if deletable_at:
        return f"It may be deleted after {_minute(deletable_at)} UTC, if no replica uses it until then."
    if one["state"] == "refused":
        return "ShipStation refuses it, and no other pair is in use: generate a new pair, set it and restart."
    if one["setting"] is None:
        return "Another replica uses it, or did lately: give all of them the same settings."
    if one["state"] == "unused":
        return "Not used yet. It takes over when the pair before it is refused; `syncd doctor` tries it."
    return expiry_advice(one["setting"], one["days_left"])


def expiry_advice(setting: str, days_left: int | None) -> str:
    """What to do about a pair in use; "" where its end is far."""
    if days_left is None:
        return f"Its expiry is not known: set {EXPIRY_SETTINGS[setting]} to the date that ShipStation showed."
    if days_left > max(WARN_DAYS):
        return ""
    if setting == "shipstation.next_api_key":
        return "Make it the first pair in the settings, generate a new one in ShipStation as next_api_key, and restart."
    return "Generate a second pair in ShipStation, set next_api_key and next_api_secret, and restart."


def expiry_text(days_left: int) -> str:
    return f"expires in {days_left} days" if days_left >= 0 else f"expired {-days_left} days ago"


def keys_text(keys: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(line for one in keys for line in _key_lines(one))


def _key_lines(one: Mapping[str, Any]) -> list[str]:
    name = one["setting"] or "not in these settings"
    ending = f" (ends in {one['ends_in']})" if one["ends_in"] else ""
    facts = [one["state"].replace("_", " ")]
    if one["state"] == "in_use":
        facts.append(f"since {_minute(one['used_since'])} UTC")
    if one["last_used_at"]:
        facts.append(f"last call {_minute(one['last_used_at'])} UTC")
    if one["refused_at"]:
        facts.append(f"refused {_minute(one['refused_at'])} UTC")
    if one["days_left"] is not None:
        facts.append(f"{expiry_text(one['days_left'])}, on {one['expires_on']}")
    lines = [f"{name}{ending}: {', '.join(facts)}"]
    return [*lines, f"  -> {one['advice']}"] if one["advice"] else lines


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


class ExpiryWatch:
    """Tells the log once each time that the pair in use comes within another of `WARN_DAYS` of its end."""

    def __init__(self) -> None:
        self._told: tuple[str, int] | None = None

    def look(self, keys: Sequence[KeyTold]) -> None:
        one = next((one for one in keys if one["state"] == "in_use"), None)
        days_left = one["days_left"] if one else None
        if one is None or days_left is None or days_left > max(WARN_DAYS):
            return
        within = min((days for days in WARN_DAYS if days_left <= days and days_left >= 0), default=-1)
        if self._told != (one["setting"], within):
            self._told = (one["setting"], within)
            level = log.warning if days_left > min(WARN_DAYS) else log.error
            level("key_pair.expiring", setting=one["setting"], days=days_left, reason=expiry_text(days_left))
