"""The six ways in which work can fail, named by what the runner does next.

Each client has one table that turns (operation, status, vendor code) into one of these. Texts carry the vendor's code and
at most 300 characters of its message: never a body, a header or a name.
"""

from __future__ import annotations

LONGEST_TEXT = 300


class SyncError(Exception):
    """`code` is stable and lower case, such as `http_503` or `throttled`; `text` is for people."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        self.text = text[:LONGEST_TEXT]
        super().__init__(f"{code}: {self.text}" if self.text else code)


class TransientError(SyncError):
    """No connection, a 5xx or a timeout on a read, a busy store: try again later, counted as an attempt."""


class ThrottledError(SyncError):
    """The account's budget is spent: pause the account, give the work back, count nothing."""

    def __init__(self, code: str, retry_after_s: float, text: str = "") -> None:
        super().__init__(code, text)
        self.retry_after_s = retry_after_s


class UncertainError(SyncError):
    """A write was sent and no usable answer came: look for its effect before sending anything again."""


class ConflictError(SyncError):
    """The world moved between looking and acting: observe and plan again."""


class RejectedError(SyncError):
    """The vendor refuses this document: park until the source changes or a person releases it."""

    def __init__(self, code: str, text: str = "", field: str | None = None) -> None:
        super().__init__(code, text)
        self.field = field


class AccessError(SyncError):
    """Credentials, scope, plan or billing: stop this account's flows, say so loudly, probe slowly.

    `account` is `shopify:<store>` or `shipstation`.
    """

    def __init__(self, account: str, code: str, text: str = "") -> None:
        super().__init__(code, text)
        self.account = account


class SettingsError(SyncError):
    """The configuration cannot be used. `problems` holds one sentence each: the key, the reason, the cure."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("settings", "; ".join(problems))
        self.problems = problems
