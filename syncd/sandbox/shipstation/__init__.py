"""A ShipStation account as a state machine: requests in, answers out, webhooks owed."""

from syncd.sandbox.shipstation.options import ShipStationOptions, Store, Warehouse
from syncd.sandbox.shipstation.world import ShipStationWorld

__all__ = ["ShipStationOptions", "ShipStationWorld", "Store", "Warehouse"]
