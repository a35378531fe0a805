"""Pairs to checkpoints."""
