"""Measurement of models against a ground truth."""
