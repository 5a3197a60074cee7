"""Shopify Admin GraphQL 2026-10: one client, its documents, reads, writes and webhooks."""
