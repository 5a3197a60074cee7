"""What no transaction may do to the daemon's own rows, whatever it is for: kept by triggers of the simulation's database, so that
each is judged at the statement that breaks it. S7, S10, S11 and S18 to S20."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

RUNNERS = "('orders', 'shipments', 'returns')"
"""The flows whose work on an order is claimed, intended and settled by batches."""
SENT_ONCE = "('create_order', 'create_fulfillment', 'cancel_fulfillment', 'update_tracking')"
"""Steps of one call. Where a second one reads back what was sent, that may be throttled while the first was made."""

LAWS = """
CREATE TEMP TRIGGER one_end_for_each_step AFTER UPDATE OF outcome ON main.journal
WHEN NEW.outcome IS NOT OLD.outcome AND NOT (
  OLD.outcome = 'intended' AND NEW.outcome IN ('confirmed', 'refused', 'unknown', 'abandoned')
  OR OLD.outcome = 'unknown' AND NEW.outcome IN ('confirmed', 'refused', 'abandoned')
) BEGIN
  INSERT INTO broken_laws VALUES ('S7 ' || OLD.step || ' of ' || OLD.key || ' was ' || OLD.outcome || ' and became ' || NEW.outcome);
END;

CREATE TEMP TRIGGER no_lease_taken_away AFTER UPDATE OF lease_token ON main.marks
WHEN OLD.lease_token IS NOT NULL AND NEW.lease_token IS NOT NULL AND NEW.lease_token <> OLD.lease_token
  AND NEW.flow IN {runners}
  AND (julianday(OLD.lease_until) - julianday(NEW.lease_until)) * 86400 > 0.01 - {lease_s}
BEGIN
  INSERT INTO broken_laws VALUES ('S10 ' || NEW.flow || ' of ' || NEW.subject || ' was claimed while somebody worked on it');
END;

CREATE TEMP TRIGGER whoever_intends_holds_the_lease AFTER INSERT ON main.journal
WHEN NEW.outcome = 'intended' AND NEW.flow IN {runners} AND NOT EXISTS (
  SELECT 1 FROM main.marks WHERE flow = NEW.flow AND subject = NEW.store || '/' || NEW.order_id AND lease_token = NEW.batch_id
) BEGIN
  INSERT INTO broken_laws VALUES ('S10 ' || NEW.step || ' of ' || NEW.key || ' was begun without the lease of its order');
END;

CREATE TEMP TRIGGER only_its_holder_ends_a_lease AFTER UPDATE OF lease_token ON main.marks
WHEN OLD.lease_token IS NOT NULL AND NEW.lease_token IS NULL AND OLD.flow IN {runners}
  AND batch_at_work() NOT IN ('', substr(OLD.lease_token, 1, 8))
BEGIN
  INSERT INTO broken_laws VALUES ('S11 ' || NEW.flow || ' of ' || NEW.subject || ' was ended by a batch that did not hold it any more');
END;

CREATE TEMP TRIGGER no_webhook_forgotten_unread BEFORE DELETE ON main.deliveries
WHEN NOT EXISTS (SELECT 1 FROM main.read_deliveries WHERE store = OLD.store AND webhook_id = OLD.webhook_id)
BEGIN
  INSERT INTO broken_laws VALUES ('S18 webhook ' || OLD.webhook_id || ' was forgotten before anybody read it');
END;

CREATE TEMP TRIGGER a_webhook_read_is_a_mark AFTER INSERT ON main.read_deliveries
WHEN EXISTS (
  SELECT 1 FROM main.deliveries AS kept
  WHERE kept.store = NEW.store AND kept.webhook_id = NEW.webhook_id AND kept.topic LIKE 'orders/%'
    AND json_extract(CAST(kept.body AS TEXT), '$.id') > 0 AND NOT EXISTS (
      SELECT 1 FROM main.marks WHERE flow = 'orders' AND hint_at = NEW.read_at
        AND subject = kept.store || '/' || json_extract(CAST(kept.body AS TEXT), '$.id')
    )
) BEGIN
  INSERT INTO broken_laws VALUES ('S18 webhook ' || NEW.webhook_id || ' counts as read, and marked nothing');
END;

CREATE TEMP TRIGGER a_refusal_is_told AFTER UPDATE OF settled ON main.marks
WHEN NEW.settled > OLD.settled AND OLD.lease_token IS NOT NULL AND NEW.flow IN {runners} AND EXISTS (
  SELECT 1 FROM main.journal WHERE batch_id = OLD.lease_token AND flow = NEW.flow AND outcome = 'refused'
    AND store = substr(NEW.subject, 1, instr(NEW.subject, '/') - 1)
    AND order_id = CAST(substr(NEW.subject, instr(NEW.subject, '/') + 1) AS INTEGER)
) BEGIN
  INSERT INTO broken_laws VALUES ('S18 a refusal of ' || NEW.flow || ' of ' || NEW.subject || ' was settled and told to nobody');
END;

CREATE TEMP TRIGGER a_throttled_call_is_no_doubt AFTER UPDATE OF outcome ON main.journal
WHEN NEW.outcome = 'unknown' AND NEW.code IN ('http_429', 'throttled') AND NEW.step IN {sent_once}
BEGIN
  INSERT INTO broken_laws VALUES ('S19 ' || NEW.step || ' of ' || NEW.key || ' was throttled and counts as perhaps made');
END;

CREATE TEMP TRIGGER no_push_over_a_cancellation AFTER INSERT ON main.journal
WHEN NEW.outcome = 'intended' AND NEW.flow = 'orders' AND NEW.step <> 'cancel_order' AND EXISTS (
  SELECT 1 FROM main.marks WHERE flow = 'orders' AND subject = NEW.store || '/' || NEW.order_id AND lane = 0 AND marked > claimed
) BEGIN
  INSERT INTO broken_laws VALUES ('S20 ' || NEW.step || ' of ' || NEW.key || ' was begun although its cancellation was told');
END;
"""

NAMES = re.compile(r"CREATE TEMP TRIGGER (\w+)")


class Laws:
    """Of one database in memory. What a transaction broke that was rolled back is not broken."""

    def __init__(self, engine: Engine, lease_s: float) -> None:
        self._engine = engine
        self._triggers = LAWS.format(runners=RUNNERS, sent_once=SENT_ONCE, lease_s=lease_s)
        self._run("CREATE TEMP TABLE broken_laws (problem TEXT);")
        self._run(self._triggers)

    def broken(self) -> list[str]:
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT DISTINCT problem FROM broken_laws ORDER BY problem")
            return [str(problem) for (problem,) in rows]

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """While somebody else than the daemon changes its rows, or puts another database in their place."""
        self._run("".join(f"DROP TRIGGER temp.{name};" for name in NAMES.findall(self._triggers)))
        try:
            yield
        finally:
            self._run(self._triggers)

    def _run(self, script: str) -> None:
        with self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection), "the laws are triggers of SQLite"
            driver.create_function("batch_at_work", 0, _batch_at_work)
            driver.executescript(script)


def _batch_at_work() -> str:
    """The batch that runs this transaction, as it is named in the log; empty for whatever is no batch's."""
    return str(structlog.contextvars.get_contextvars().get("batch_id", ""))
