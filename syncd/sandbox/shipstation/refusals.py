"""The ways in which a ShipStation account says no. Each front turns them into its own answers."""

from __future__ import annotations


class Refusal(ValueError):
    """The sentence is for the caller."""


class Invalid(Refusal):
    """`field` is the member that is at fault, in the vendor's spelling."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


class NotFound(Refusal):
    pass


class Locked(Refusal):
    """The order is shipped or cancelled and cannot be changed."""


class Conflict(Refusal):
    """Something with this name is there already. `code` and `status` are V2's."""

    def __init__(self, text: str, code: str = "identifier_conflict", status: int = 400) -> None:
        super().__init__(text)
        self.code = code
        self.status = status
