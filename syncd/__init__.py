"""Keeps Shopify shops and a ShipStation account telling the same story."""

__version__ = "0.1.0"
