"""Which of the drawn kinds of bad luck fires when, and what fired: all from one seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import Random

LASTING_RATE = 0.05


class Luck:
    """`fired` counts by kind, `sites` by (place, kind)."""

    def __init__(self, seed: int, rates: Mapping[str, float], lasting: str | None = None) -> None:
        self.rng = Random(f"{seed} luck")
        self.fired: Counter[str] = Counter()
        self.sites: Counter[tuple[str, str]] = Counter()
        self.is_calm = False
        """Nothing goes wrong while it is set."""
        self._rates = dict(rates)
        self._lasting = lasting

    def heal(self) -> None:
        """From now on nothing goes wrong, but for the kind that stays."""
        self._rates = {self._lasting: LASTING_RATE} if self._lasting else {}

    def has(self, kind: str) -> bool:
        return kind in self._rates

    def draw(self, site: str, kinds: Sequence[str]) -> str | None:
        """At most one of these kinds. It is noted by whoever carries it out."""
        if self.is_calm:
            return None
        number = self.rng.random()
        for kind in kinds:
            number -= self._rates.get(kind, 0.0)
            if number < 0:
                return kind
        return None

    def note(self, site: str, kind: str, count: int = 1) -> None:
        self.fired[kind] += count
        self.sites[site, kind] += count


class History:
    """All that happened, as one digest: the same seed must give the same. `lines` only while somebody wants to read them."""

    def __init__(self, is_kept: bool = False) -> None:
        self.lines: list[str] | None = [] if is_kept else None
        self._hash = blake2b(digest_size=16)

    def add(self, at_s: float, *words: object) -> None:
        line = f"{at_s:.6f} {' '.join(str(word) for word in words)}"
        self._hash.update(line.encode())
        if self.lines is not None:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()
