"""The configuration of an export: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal['fp32', 'fp16', 'int8']
# Key in ModelSpec.metrics: mean relative difference of disparity to the float32 model.
DIFFERENCE = 'difference_to_fp32'


@dataclass(frozen=True)
class ExportConfig:
    """The form of the model file that a checkpoint is exported to."""

    precision: Precision = 'fp32'
    """Precision of the network; heads, disparity and post-processing stay float32. `fp16`: for
    TensorRT on GPUs. `int8`: for TensorRT and OpenVINO, needs `calibration`."""
    calibration: str | None = None
    """`int8` only: the data to calibrate with, as `train --data` takes it. The last tenth of it,
    in time, is held out; on it, both models must give nearly the same disparity."""
    flip: bool = True
    """Blend the prediction with that of the mirror image, which corrects the left border and
    takes twice the time."""
    confidence: bool = True
    """Add the confidence as an output: 1 less the relative error that is to be expected."""

    def __post_init__(self) -> None:
        if (self.precision == 'int8') != (self.calibration is not None):
            raise ValueError(
                f'precision is {self.precision!r} and calibration {self.calibration!r}; int8 '
                'needs pairs to calibrate with, give --calibration with int8 only'
            )
