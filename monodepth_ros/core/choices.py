"""
Named choices of users, and their defaults.

This module imports nothing: launch files and `--help` read it where numpy is not installed.
"""

from __future__ import annotations

# Size of the rectified live image divided by the size of the results.
DIVISORS = {'full': 1, 'half': 2, 'quarter': 4}
NETWORK_SIZE = 'network'
OUTPUT_SIZES = (*DIVISORS, NETWORK_SIZE)

DEPTH_ENCODINGS = ('32FC1', '16UC1')

COLOR_MAPS = ('turbo', 'viridis', 'magma', 'inferno', 'plasma', 'cividis')
COLOR_MAP = 'turbo'
NEAR_M, FAR_M = 1.5, 60.0

# The node warns where a live pixel is more than so many times as wide or as narrow as in training.
MAX_FOOTPRINT_RATIO = 2.0
