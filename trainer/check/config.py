"""The configuration of a check: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CheckConfig:
    """The number of pairs to measure, and the depths that the robot needs."""

    pairs: int = 20
    """Pairs to measure in each sequence, evenly spaced, about half a second each on two cores;
    with more than three sequences fewer, but at least three."""
    nearest_m: float | None = None
    """Nearest depth that the robot must see, in m; null: any."""
    farthest_m: float | None = None
    """Farthest depth that the robot must see, in m; null: any."""

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise ValueError(f'pairs is {self.pairs}, expected 1 or more')
        if not 0 < (self.nearest_m or 1e-9) < (self.farthest_m or float('inf')):
            raise ValueError(
                f'nearest_m is {self.nearest_m} and farthest_m {self.farthest_m}, expected '
                '0 < nearest_m < farthest_m'
            )
