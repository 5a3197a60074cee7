"""The interpreter's own pauses, kept short in the daemon: whoever sent a webhook waits for them too."""

from __future__ import annotations

import gc
import sys

SWITCH_S = 0.0005
"""How soon the store's thread gets the interpreter back from a busy event loop; Python's own 5 ms made a commit half as long again."""
COLLECT_S = 60.0
"""Between two full collections: with a backlog in memory each takes more than 100 ms, and Python would make one every second or two."""
YOUNG = (2_000, 10, 1_000_000)
"""After so many new objects, so many young collections, and (never) so many middle ones."""


def keep_pauses_short() -> None:
    """Call it once all modules are loaded; what is there then is never collected. Full collections are left to `collect`."""
    gc.freeze()
    gc.set_threshold(*YOUNG)
    sys.setswitchinterval(SWITCH_S)


def collect() -> None:
    """Frees what holds itself. Everything else is freed at once without it."""
    gc.collect()
