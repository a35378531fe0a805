"""Where training data comes from: recordings, pair folders, the procedural world."""
