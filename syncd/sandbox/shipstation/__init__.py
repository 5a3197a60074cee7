"""A ShipStation account as a state machine: requests in, answers out, webhooks owed."""
