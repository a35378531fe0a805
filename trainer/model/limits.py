"""What the networks can say at most; known without torch."""

from __future__ import annotations

# The paper's heads end in 0.3 * sigmoid: no network of ours predicts more, whatever it sees.
MAX_DISPARITY_FRAC = 0.3
