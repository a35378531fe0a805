"""Checkpoints to model files."""
