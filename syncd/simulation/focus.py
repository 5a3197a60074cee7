"""What people were about last: who voids a label may merge its order next."""

from __future__ import annotations

from collections.abc import Callable, Set
from random import Random
from typing import TypeVar

AGAIN = 0.6
"""How often a deed is about the orders of the last one, where it can be."""
FORGOTTEN = 0.1

Thing = TypeVar("Thing")


class Focus:
    """Without `rng` every deed finds its own object."""

    def __init__(self, rng: Random | None = None) -> None:
        self._rng = rng
        self._last: Set[int] = set()

    def among(self, some: list[Thing], orders_of: Callable[[Thing], Set[int]]) -> list[Thing]:
        """What the next deed picks from. `orders_of`: ids of the Shopify orders that one of them belongs to."""
        near = [one for one in some if self._last & orders_of(one)] if self._last else []
        return near if near and self._rng and self._rng.random() < AGAIN else some

    def was_on(self, order_ids: Set[int]) -> None:
        if self._rng and order_ids:
            self._last = frozenset() if self._rng.random() < FORGOTTEN else frozenset(order_ids)
