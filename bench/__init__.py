"""Benchmarks: each prints one table, writes one JSON and fails where a target is missed."""
