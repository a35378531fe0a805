"""Tools of all packages: atomic files, errors on one line, progress, background work."""
