"""Recordings to pair folders."""
