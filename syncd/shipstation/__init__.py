"""ShipStation V1: one client, its reads, writes and webhooks."""
