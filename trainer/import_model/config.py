"""The configuration of an import: the only home of its names, defaults and units."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Literal

from trainer.import_model.normalisation import Normalisation, read_normalisation

OUTPUTS = ('depth', 'inverse_depth', 'disparity')
Channels = Literal['rgb', 'bgr']


@dataclass(frozen=True)
class ImportConfig:
    """Input and output of a third-party network, as its authors document them."""

    output: str
    """Meaning of output * scale: `depth` in m, `inverse_depth` in 1/m, or `disparity` in px of
    the network's input. A file does not show whether its network is metric. A relative one
    (affine-invariant: Depth Anything V2 without "Metric", MiDaS) cannot be used: its scale and
    shift are unknown."""
    scale: float
    """Factor from the network's output to that unit; 1 if the network predicts that unit."""
    focal_px: float
    """Focal length at which output * scale is correct, in px of the network's input. For another
    one, depth is scaled by focal / focal_px. Depth Anything 3 metric: 300."""
    normalise: str
    """Normalisation of the network's input: `imagenet` (pixels in 0..1, less ImageNet's mean,
    over its standard deviation), `unit` (0..1), `none` (0..255), or mean and standard deviation
    for pixels in 0..1: `0.5,0.5`, or three means and three standard deviations in the order of
    `channels`."""
    licence: str
    """Licence of the network's weights; stored in the model file."""
    channels: Channels = 'rgb'
    """Order of the colours in the network's input; `bgr` if it was trained on OpenCV's images."""
    multiple: int | None = None
    """Number that height and width of the input must be multiples of: 14 for Depth Anything.
    Needed for a network of free size."""
    width: int | None = None
    """Width of the canonical camera in px, a multiple of `multiple`; null: the network's own."""
    height: int | None = None
    """Height of the canonical camera in px, a multiple of `multiple`; null: the network's own."""
    hfov_deg: float | None = None
    """Horizontal field of view of the canonical camera in degrees; null: that of focal_px."""
    baseline_m: float | None = None
    """`disparity` only: baseline in m of the stereo rig that the disparity refers to."""
    min_depth_m: float = 0.1
    """Nearest depth that the network is meant for, in m."""
    max_depth_m: float = 100.0
    """Farthest depth in m; predictions beyond it are published as out of range (+inf)."""
    output_name: str | None = None
    """Name of the output with the depth; needed if several outputs have the shape of an image."""

    def __post_init__(self) -> None:
        if self.output not in OUTPUTS:
            raise ValueError(
                f'output is {self.output!r}, expected one of {OUTPUTS}; a relative '
                '(affine-invariant) output is none of them, because its scale and shift are '
                'unknown; choose the metric variant of the network'
            )
        self.normalisation()  # raises ValueError for a wrong text
        for name in ('scale', 'focal_px', 'multiple', 'width', 'height', 'baseline_m'):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f'{name} is {value}, expected a positive number')
        if self.hfov_deg is not None and not 0 < self.hfov_deg < 180:
            raise ValueError(f'hfov_deg is {self.hfov_deg:g}, expected 0 < hfov_deg < 180')
        if not 0 < self.min_depth_m < self.max_depth_m < math.inf:
            raise ValueError(
                f'min_depth_m is {self.min_depth_m:g} and max_depth_m {self.max_depth_m:g}, '
                'expected 0 < min_depth_m < max_depth_m < inf'
            )
        if (self.output == 'disparity') != (self.baseline_m is not None):
            raise ValueError(
                f'output is {self.output!r} and baseline_m {self.baseline_m}; a disparity needs '
                'the baseline of its stereo rig, give --baseline-m with it, and only with it'
            )

    def normalisation(self) -> Normalisation:
        """Return the normalisation that `normalise` and `channels` describe."""
        return read_normalisation(self.normalise, bgr=self.channels == 'bgr')
