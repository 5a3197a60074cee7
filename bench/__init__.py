"""Benchmarks: each prints ratios, with the absolute figures beside them. None of them is a test."""
