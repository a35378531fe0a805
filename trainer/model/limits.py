"""Limits of the networks' outputs, in a module that does not import torch."""

from __future__ import annotations

# The paper's heads end in 0.3 * sigmoid, so that no network predicts more for any image.
MAX_DISPARITY_FRAC = 0.3
