"""Third-party networks to model files."""
