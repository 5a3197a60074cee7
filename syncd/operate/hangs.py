"""What lasts far too long. A daemon that hangs is ended, so that whoever supervises it starts it anew: being killed it loses
nothing. A single look or batch that does not come to its end is told of.

Every wait has a limit of its own. What has none is a disk or a driver that does not return, and our own mistake in an endless
loop: then nothing moves any more, no error is raised, and an answer of 503 at `/healthz` restarts no container.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import threading
from collections.abc import Callable, Iterable

from syncd.logs import get_logger

log = get_logger("daemon")

HUNG_S = 300.0
"""Without a look for work, which is due every second: a database that is away is an error within half a minute."""
LOOK_S = 20.0
HUNG_LOOKS = 3
"""So many in a row: one is hung when it was the machine that slept."""
SLOW_S = 3600.0
"""In a sale a look may take long, because its calls wait for more urgent ones."""


def end_at_once() -> None:
    """Without asking anything that may hang too. The stacks tell where it did."""
    faulthandler.dump_traceback(all_threads=True)
    logging.shutdown()
    os._exit(1)


class HangWatch:
    """In a thread of its own, because it may be the event loop that hangs. `lag_s`: since the workers last looked for work."""

    def __init__(
        self, lag_s: Callable[[], float], end: Callable[[], None] = end_at_once, look_s: float = LOOK_S
    ) -> None:
        self._lag_s = lag_s
        self._end = end
        self._look_s = look_s
        self._is_over = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._work, name="hang watch", daemon=True).start()

    def stop(self) -> None:
        self._is_over.set()

    def _work(self) -> None:
        hung = 0
        while hung < HUNG_LOOKS:
            if self._is_over.wait(self._look_s):
                return
            lag_s = self._lag_s()
            hung = hung + 1 if lag_s > HUNG_S else 0
        log.error("daemon.hung", lag_s=round(lag_s))
        self._end()


def tell_slow(under_way: Iterable[tuple[str, float]], every_s: float) -> None:
    """Of (name, seconds so far), once an hour each where it is asked every so often."""
    for name, took_s in under_way:
        if took_s >= SLOW_S and took_s % SLOW_S < every_s:
            log.warning("work.slow", task=name, duration_s=round(took_s))
