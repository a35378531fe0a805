"""Models against a truth."""
