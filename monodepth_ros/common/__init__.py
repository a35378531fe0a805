"""What all rooms use: files written whole, errors in one line, progress, background work."""
