"""Webhook subscriptions: what is refused and in which words. The field is `callbackUrl` even when `uri` was sent (recorded)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

from syncd.sandbox.shopify.problems import Refusal
from syncd.sandbox.shopify.scopes import in_words, topic_scopes
from syncd.sandbox.shopify.shop import Shop
from syncd.sandbox.shopify.webhooks import Subscription

_ADDRESS = ["webhookSubscription", "callbackUrl"]
_LONGEST_ADDRESS = 64 * 1024
_OWN_DOMAINS = ("shopify.com", "myshopify.com", "shopifycloud.com")


def subscribe(shop: Shop, topic: str, given: dict[str, Any], version: str, granted: frozenset[str]) -> Subscription:
    scopes = topic_scopes(topic)
    if scopes and not granted & set(scopes):
        raise Refusal(
            ["topic"], f"You do not have permission to subscribe to this topic. Required access: {in_words(scopes)}"
        )
    uri = str(given.get("uri") or given.get("callbackUrl") or "").strip()
    _refuse_address(uri)
    if given.get("format") == "XML":
        raise Refusal(
            ["webhookSubscription", "format"], "Format 'xml' is invalid for this webhook topic. Allowed formats: json"
        )
    _refuse_filter(given.get("filter"))
    _refuse_name(shop, given.get("name"))
    for known in shop.outbox.subscriptions.values():
        if (known.topic, known.uri, known.filter) == (topic, uri, given.get("filter") or None):
            raise Refusal(_ADDRESS, "Address for this topic has already been taken")
    new = Subscription(
        shop.ids.next(), topic, uri, shop.stamp(), shop.stamp(), version,
        filter=given.get("filter") or None, include_fields=list(given.get("includeFields") or ()), name=given.get("name"),
    )  # fmt: skip
    shop.outbox.subscribe(new)
    return new


def _refuse_address(uri: str) -> None:
    if not uri:
        raise Refusal(_ADDRESS, "Address can't be blank")
    if len(uri.encode()) > _LONGEST_ADDRESS:
        raise Refusal(_ADDRESS, "Address is too big (maximum is 64 KB)")
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError as error:
        raise Refusal(_ADDRESS, "Address is invalid") from error
    if is_loopback(host) and parts.scheme in ("http", "https"):
        return  # the sandbox is local: so are the receivers
    if parts.scheme != "https":
        raise Refusal(_ADDRESS, f"Address protocol {parts.scheme}:// is not supported")
    if _is_internal(host):
        raise Refusal(_ADDRESS, "Address cannot be a Shopify or an internal domain")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_internal(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or any(host == own or host.endswith(f".{own}") for own in _OWN_DOMAINS)


def _refuse_filter(text: str | None) -> None:
    if text and (not re.search(r"[\w.]+:\S", text) or text.count("(") != text.count(")")):
        raise Refusal(
            ["webhookSubscription", "filter"],
            "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.",
        )


def _refuse_name(shop: Shop, name: str | None) -> None:
    if name is None:
        return
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,50}", name):
        raise Refusal(["webhookSubscription", "name"], "Name is invalid")
    if any(known.name == name for known in shop.outbox.subscriptions.values()):
        raise Refusal(["webhookSubscription", "name"], "Name has already been taken")
