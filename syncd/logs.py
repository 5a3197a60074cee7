"""structlog set-up. Only registered keys reach a log line: an allow-list, so that no name, address or secret ever can.

Events are `noun.past_participle`. JSON lines on standard output, plain lines where a person watches.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from syncd.line_writer import LineWriter

ALLOWED = frozenset(
    "event level timestamp logger exception flow batch_id order_gid order_key order_id order_name shipment_id package_key step "
    "fields attempt error_code error_text wait_s duration_ms count account store feed state cause topic reason version url "
    "database port host task stores fulfillment_gid confirmed refused uncertain settled deferred parked claimed missing_scopes "
    "subscribed removed setting days rows signal pid lag_s limit used calls changed retry_at names".split()
)
SECRETS = re.compile(r"(shp[a-z]{2}_[A-Za-z0-9_-]+|(?:Basic|Bearer) [A-Za-z0-9+/=._-]+)")
PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def keep_registered(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drops keys that nobody registered and blanks what looks like a secret or a mail address inside texts."""
    return {key: _clean(value) for key, value in event.items() if key in ALLOWED}


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return PERSONAL.sub("[mail]", SECRETS.sub("[secret]", value))


def set_up_logs(level: str = "info", plain: bool | None = None) -> None:
    """One format for our own events and for those of the libraries. Tracebacks never carry local variables."""
    if plain is None:
        plain = sys.stdout.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            keep_registered,
            _plain_line if plain else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    stream = LineWriter(sys.stdout.fileno())
    stream.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(level.upper())
    for chatty in ("apscheduler", "aiohttp.access", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def set_up_warnings() -> None:
    """For a command: warnings on standard error, because standard output belongs to its answer."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            keep_registered,
            _plain_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _plain_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """A line for people: structlog's own console renderer costs 26 ms of imports."""
    head = f"{event.pop('timestamp', '')[11:19]} {event.pop('level', ''):7} {event.pop('event', ''):24}"
    event.pop("logger", None)
    trace = event.pop("exception", None)
    line = head + " ".join(f"{key}={value}" for key, value in event.items())
    return f"{line}\n{trace}" if trace else line


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
