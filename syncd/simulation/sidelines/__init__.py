"""What a simulated day may hold beside orders and packages: stock, goods that come back, the catalogue, news of deliveries."""
