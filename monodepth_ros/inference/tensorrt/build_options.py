"""How TensorRT builds; known without it and CUDA, as every node declares its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OPTIMISATION_LEVELS = range(6)


@dataclass(frozen=True)
class BuildOptions:
    """
    How a plan is built.

    workspace_mb: GPU memory that one operator may need besides its inputs and outputs, None for
    all there is. optimisation_level: 0 to 5; a higher one looks longer for a faster engine.
    timing_cache: a file of timings of earlier builds, made anew when it is absent or not of this
    GPU and version, None for none; it saves time and is no part of what is built.
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
        """Those by which the plan differs."""
        return {
            'workspace_mb': self.workspace_mb,
            'optimisation_level': self.optimisation_level,
        }
