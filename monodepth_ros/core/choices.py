"""
What users choose from, by name, and what is chosen for them.

Imports nothing, for launch files and `--help` read it on machines that compute nothing.
"""

from __future__ import annotations

# The rectified live image's size over that of the results.
DIVISORS = {'full': 1, 'half': 2, 'quarter': 4}
NETWORK_SIZE = 'network'
OUTPUT_SIZES = (*DIVISORS, NETWORK_SIZE)

DEPTH_ENCODINGS = ('32FC1', '16UC1')

COLOR_MAPS = ('turbo', 'viridis', 'magma', 'inferno', 'plasma', 'cividis')
COLOR_MAP = 'turbo'
NEAR_M, FAR_M = 1.5, 60.0

# A live pixel so many times as wide or as narrow as in training is worth a warning.
MAX_FOOTPRINT_RATIO = 2.0
