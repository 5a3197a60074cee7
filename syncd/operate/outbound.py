"""`syncd outbound`: what help desks were told, what waits, and trying it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.errors import RejectedError
from syncd.operate.desk import Desk
from syncd.store.outbound import latest_messages, try_again


async def list_messages(desk: Desk, limit: int) -> dict[str, Any]:
    """Those that did not arrive first, then the newest. No addresses: they may hold secrets."""
    rows = await desk.db.run(latest_messages(limit))
    return {
        "messages": [
            {
                "id": row.id,
                "webhook_id": row.webhook_id,
                "event": row.event,
                "endpoint": row.endpoint,
                "outcome": row.outcome,
                "attempts": row.attempts,
                "created_at": row.created_at.isoformat(),
                "next_at": row.next_at.isoformat() if row.outcome == "waiting" else None,
                "code": row.code,
            }
            for row in rows
        ]
    }


async def retry_messages(desk: Desk, ids: Sequence[int]) -> list[str]:
    """All that did not arrive, without ids. Raises `RejectedError` where there is none."""
    count = await desk.db.run(try_again(ids, desk.clock.now()))
    if not count:
        raise RejectedError("nothing_to_retry", "no such message waits or was given up; see `syncd outbound list`")
    return [f"{count} messages are tried again, for three days from now on."]


def messages_text(answer: Mapping[str, Any]) -> str:
    lines = [_line(one) for one in answer["messages"]]
    return "\n".join(lines) or "Nobody was told anything yet."


def _line(one: Mapping[str, Any]) -> str:
    tries = f"{one['attempts']} tries" if one["attempts"] != 1 else "1 try"
    following = f", next at {one['next_at'][:16]}" if one["next_at"] else ""
    code = f" ({one['code']})" if one["code"] else ""
    outcome = one["outcome"].replace("_", " ")
    return f"{one['id']:>6}  {one['created_at'][:16]}  {one['event']:10} {one['endpoint']}  {outcome}{code}, {tries}{following}"
