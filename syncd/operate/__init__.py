"""What an operator asks for: how things stand, why an order is where it is, and what is wrong."""
