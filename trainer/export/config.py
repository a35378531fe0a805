"""The configuration of an export: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal['fp32', 'fp16', 'int8']
# In ModelSpec.metrics: mean relative difference of disparity to the float32 model's.
DIFFERENCE = 'difference_to_fp32'


@dataclass(frozen=True)
class ExportConfig:
    """What becomes of a checkpoint."""

    precision: Precision = 'fp32'
    """Of the network's arithmetic; heads, disparities and what follows stay float32. `fp16`: for
    TensorRT on GPUs. `int8`: for TensorRT and OpenVINO, needs `calibration`."""
    calibration: str | None = None
    """`int8` only: the data to calibrate with, as `train --data` takes it. The last tenth of it,
    in time, is held out and must look the same to both models."""
    flip: bool = True
    """Blend with what the network makes of the mirror image, which mends the left border and
    takes twice the time."""
    confidence: bool = True
    """Also give the confidence, from how far the estimates of a pixel agree."""

    def __post_init__(self) -> None:
        if (self.precision == 'int8') != (self.calibration is not None):
            raise ValueError(
                f'precision is {self.precision!r} and calibration {self.calibration!r}; int8 '
                'needs pairs to calibrate with, and nothing else does'
            )
