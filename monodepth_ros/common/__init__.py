"""Tools of all packages: typed paths, atomic files, errors on one line, progress, threads."""
