"""Options of a TensorRT build, without imports of TensorRT and CUDA: every node reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OPTIMISATION_LEVELS = range(6)


@dataclass(frozen=True)
class BuildOptions:
    """
    Options of a TensorRT build.

    workspace_mb: GPU memory that one operator may use besides its inputs and outputs; None: no
    limit.
    optimisation_level: 0 to 5; a higher level searches longer for a faster engine.
    timing_cache: file with timings of earlier builds, or None. It saves time and does not change
    the plan; a missing file, or one of another GPU or version, is created again.
    """

    workspace_mb: int | None = None
    optimisation_level: int = 3
    timing_cache: Path | None = None

    def __post_init__(self) -> None:
        if self.workspace_mb is not None and not self.workspace_mb > 0:
            raise ValueError(f'workspace_mb is {self.workspace_mb}, expected a positive number')
        if self.optimisation_level not in OPTIMISATION_LEVELS:
            raise ValueError(
                f'optimisation_level is {self.optimisation_level}, expected '
                f'{OPTIMISATION_LEVELS[0]} to {OPTIMISATION_LEVELS[-1]}'
            )

    @property
    def of_the_plan(self) -> dict[str, int | None]:
        """Return the options that change the plan."""
        return {
            'workspace_mb': self.workspace_mb,
            'optimisation_level': self.optimisation_level,
        }
