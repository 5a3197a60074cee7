"""Bugs that we plant on purpose: harness and tests must find every one, or "nothing lost" means nothing."""
