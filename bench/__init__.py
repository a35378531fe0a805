"""Benchmarks: each prints one table, writes one JSON and fails if a target is missed."""
