"""Everything that tells us to look again: webhooks and feeds."""
