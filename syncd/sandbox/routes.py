"""Which of several worlds a call is for: the longest matching prefix of its address wins, and is taken off."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.sandbox.worlds import World


class Routes:
    """Prefixes are whole path segments: `/shop` takes `/shop/x` and `/shop?x`, never `/shopping`. "" takes everything."""

    def __init__(self, worlds: Mapping[str, World]) -> None:
        self._worlds = sorted(((prefix.rstrip("/"), world) for prefix, world in worlds.items()), key=_longest_first)

    def find(self, url: str) -> tuple[World, str] | None:
        """The world and the rest of the address, beginning with `/`; None when no prefix matches."""
        for prefix, world in self._worlds:
            rest = url[len(prefix) :]
            if url.startswith(prefix) and rest[:1] in ("", "/", "?"):
                return world, rest if rest.startswith("/") else f"/{rest}"
        return None


def _longest_first(entry: tuple[str, World]) -> int:
    return -len(entry[0])
