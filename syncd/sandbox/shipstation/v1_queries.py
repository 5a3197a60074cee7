"""How V1 lists are asked: parameters, filters, sorting, paging.

Times are compared as naive Pacific wall time, as the vendor stores them: in the autumn hour a filter can miss a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from syncd.sandbox.shipstation.options import ShipStationOptions
from syncd.sandbox.shipstation.pacific import parse_wall, wall
from syncd.sandbox.shipstation.refusals import Invalid
from syncd.sandbox.shipstation.v1_bodies import flag, whole

DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE = 500

Row = TypeVar("Row")


@dataclass(frozen=True)
class Query:
    """The parameters of one call, named in lower case; asked for in any case. Empty ones count as absent."""

    parameters: Mapping[str, str]
    options: ShipStationOptions

    def text(self, name: str) -> str | None:
        return self.parameters.get(name.lower()) or None

    def whole(self, name: str) -> int | None:
        return whole(self.parameters, name.lower())

    def flag(self, name: str) -> bool:
        return flag(self.parameters, name.lower())

    def wall(self, name: str) -> datetime | None:
        written = self.text(name)
        if written is None:
            return None
        try:
            return parse_wall(written, self.options.offset_style == "honoured")
        except ValueError as problem:
            raise Invalid(name, f"The value '{written}' is not valid for {name}.") from problem


@dataclass(frozen=True)
class Page:
    number: int
    size: int

    def of(self, rows: list[Row]) -> list[Row]:
        first = (self.number - 1) * self.size
        return rows[first : first + self.size]

    def envelope(self, name: str, documents: list[Any], total: int, options: ShipStationOptions) -> dict[str, Any]:
        """Some accounts report `pages` 0 although there are rows."""
        pages = -(-total // self.size) if options.pages_style == "computed" else 0
        return {name: documents, "total": total, "page": self.number, "pages": pages}


def page_of(query: Query) -> Page:
    """Sizes beyond what is allowed are cut, not refused."""
    size = min(LARGEST_PAGE, max(1, query.whole("pageSize") or DEFAULT_PAGE_SIZE))
    return Page(max(1, query.whole("page") or 1), size)


class Sieve(Generic[Row]):
    """The filters that one call asks for; what it does not ask for lets everything pass."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._tests: list[Callable[[Row], bool]] = []

    def keep(self, test: Callable[[Row], bool]) -> None:
        self._tests.append(test)

    def equal(self, wanted: object, found: Callable[[Row], object]) -> None:
        if wanted is not None:
            self.keep(lambda row: found(row) == wanted)

    def starts(self, wanted: str | None, found: Callable[[Row], str]) -> None:
        if wanted is not None:
            self.keep(lambda row: found(row).lower().startswith(wanted.lower()))

    def contains(self, wanted: str | None, found: Callable[[Row], str]) -> None:
        if wanted is not None:
            self.keep(lambda row: wanted.lower() in found(row).lower())

    def after(self, name: str, found: Callable[[Row], datetime | None]) -> None:
        """Strictly after the parameter of this name."""
        self._times(name, found, lambda at, bound: at > bound)

    def before(self, name: str, found: Callable[[Row], datetime | None]) -> None:
        self._times(name, found, lambda at, bound: at < bound)

    def from_(self, name: str, found: Callable[[Row], datetime | None]) -> None:
        """On or after the parameter of this name."""
        self._times(name, found, lambda at, bound: at >= bound)

    def until(self, name: str, found: Callable[[Row], datetime | None]) -> None:
        self._times(name, found, lambda at, bound: at <= bound)

    def days(self, name: str, found: Callable[[Row], date]) -> None:
        """Between `<name>Start` and `<name>End`, both included, whole days."""
        start, end = self._query.wall(f"{name}Start"), self._query.wall(f"{name}End")
        if start is not None:
            first = start.date()
            self.keep(lambda row: found(row) >= first)
        if end is not None:
            last = end.date()
            self.keep(lambda row: found(row) <= last)

    def sorted(
        self, rows: Iterable[Row], usual: Callable[[Row], Any], sorts: Mapping[str, Callable[[Row], Any]]
    ) -> list[Row]:
        """What passes, by `sortBy` (keys of `sorts` are lower case) and `sortDir`; ties stay in the usual order."""
        name = (self._query.text("sortBy") or "").lower()
        if name and name not in sorts:
            raise Invalid("sortBy", f"The value '{name}' is not valid for sortBy.")
        found = sorted((row for row in rows if all(test(row) for test in self._tests)), key=usual)
        if name:
            found.sort(key=sorts[name])
        if (self._query.text("sortDir") or "").lower() == "desc":
            found.reverse()
        return found

    def _times(
        self, name: str, found: Callable[[Row], datetime | None], fits: Callable[[datetime, datetime], bool]
    ) -> None:
        bound = self._query.wall(name)
        if bound is None:
            return

        def test(row: Row) -> bool:
            at = found(row)
            return at is not None and fits(wall(at), bound)

        self.keep(test)
