"""What all rooms use: typed paths, files written whole, errors in one line, progress, threads."""
