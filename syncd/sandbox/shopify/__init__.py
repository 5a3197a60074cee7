"""Shopify as far as this daemon can tell: several shops that answer the Admin API, keep their own books and send webhooks."""

from syncd.sandbox.shopify.options import LocationOptions, ShopOptions, WebhookOptions
from syncd.sandbox.shopify.world import ShopifyWorld

__all__ = ["LocationOptions", "ShopOptions", "ShopifyWorld", "WebhookOptions"]
