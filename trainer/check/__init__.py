"""Why a training would fail, before it."""
