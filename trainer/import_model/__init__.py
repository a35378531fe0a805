"""Networks of others to model files."""
