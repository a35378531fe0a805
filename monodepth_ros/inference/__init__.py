"""One small interface, one file an engine."""
