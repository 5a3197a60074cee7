"""Pure translation and decision between Shopify and ShipStation: no clock, no network, no database."""
