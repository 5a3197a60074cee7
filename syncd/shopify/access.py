"""Who a store is, which API version it is asked in and what the app may do there. The one door to the Shopify library.

Its shop names, versions, sessions and scopes are used; its transport is not, because it has no timeout and one global session
for all stores. Nothing here activates anything. It takes 0.2 s to import, so that is done by the first call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

REQUIRED_SCOPES = {
    "read_orders": "read orders",
    "write_merchant_managed_fulfillment_orders": "see what is to be shipped from where, and tell of packages",
    "read_fulfillments": "be told of fulfillments by webhook",
    "read_products": "read weights and customs data of the lines",
    "read_locations": "read the locations",
}
"""Each with what it is for."""
RELEASE_MONTHS = (1, 4, 7, 10)


@dataclass(frozen=True)
class Endpoint:
    """The addresses of one store."""

    graphql_url: str
    token_url: str
    version: str


def endpoint(shop: str, api_version: str, url: str = "") -> Endpoint:
    """`url` replaces the shop's own address, such as `http://127.0.0.1:9001/main-shop.myshopify.com`.

    Raises ValueError with a sentence for a shop or a version that cannot be.
    """
    from shopify import ApiVersion, Session

    check_shop_domain(shop)
    check_version(api_version)
    origin = url.rstrip("/") or f"https://{Session(shop, api_version).url}"
    site = ApiVersion.coerce_to_version(api_version).api_path(origin)
    return Endpoint(f"{site}/graphql.json", f"{origin}/admin/oauth/access_token", api_version)


def check_shop_domain(shop: str) -> None:
    """Raises ValueError unless `shop` is a permanent address, exactly."""
    from shopify.utils.shop_url import sanitize_shop_domain

    if sanitize_shop_domain(shop) != shop:
        raise ValueError(f"{shop!r} is not a shop's permanent address, such as main-shop.myshopify.com")


def check_version(name: str) -> None:
    """Raises ValueError unless `name` is a version that Shopify has released or will. The library accepts any month."""
    from shopify.api_version import ApiVersion, Release, VersionNotFoundError

    try:
        version = ApiVersion.coerce_to_version(name)
    except VersionNotFoundError:
        version = None
    if not isinstance(version, Release) or version.numeric_version % 100 not in RELEASE_MONTHS:
        raise ValueError(f"{name!r} is not an API version, such as 2026-10")


def released_on(version: str) -> date:
    year, month = version.split("-")
    return date(int(year), int(month), 1)


def supported_until(version: str) -> date:
    """The day on which Shopify stops serving it, after which the oldest living one answers instead (shopify.dev, 2026-11)."""
    release = released_on(version)
    return release.replace(year=release.year + 1, day=16)


def missing_scopes(granted: Iterable[str], required: Iterable[str] = REQUIRED_SCOPES) -> list[str]:
    """Names that the app was not granted, sorted. Writing includes reading."""
    from shopify.api_access import ApiAccess

    # the library refuses names of other kinds, such as customer_read_orders
    have = ApiAccess([scope for scope in granted if ApiAccess.SCOPE_RE.match(scope)])
    return sorted(scope for scope in required if not have.covers(ApiAccess([scope])))
