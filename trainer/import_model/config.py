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
    """What a foreign network takes and gives; its file does not say it, its authors do."""

    output: str
    """What output * scale is: `depth` in m, `inverse_depth` in 1/m, or `disparity` in px of the
    network's input. Nothing in a file tells a metric network from a relative one
    (affine-invariant: Depth Anything V2 without "Metric", MiDaS), which cannot be used: no metre
    follows from an unknown scale and shift."""
    scale: float
    """See output; 1 where the network gives that unit itself."""
    focal_px: float
    """At which focal length output * scale is true, in px of the network's input. Behind another
    one, depth is that times focal / focal_px: Depth Anything 3 metric says 300."""
    normalise: str
    """What the network takes: `imagenet` (0..1 less ImageNet's mean, over its standard
    deviation), `unit` (0..1), `none` (0..255), or the mean and standard deviation of pixels of
    0..1: `0.5,0.5`, or three means and three standard deviations in the order of `channels`."""
    licence: str
    """Licence of the network's weights; stored in the model file."""
    channels: Channels = 'rgb'
    """In which order the network takes colours; `bgr` where it learned from OpenCV's images."""
    multiple: int | None = None
    """Height and width of the input are multiples of it: 14 for Depth Anything. Needed for a
    network of free size."""
    width: int | None = None
    """Width of the canonical camera in px, a multiple of `multiple`; null: the network's own."""
    height: int | None = None
    """Height of the canonical camera in px, likewise."""
    hfov_deg: float | None = None
    """Horizontal field of view of the canonical camera; null: that at which the network sees
    focal_px."""
    baseline_m: float | None = None
    """`disparity` only: baseline of the stereo rig that it belongs to."""
    min_depth_m: float = 0.1
    """The nearest depth that the network is meant for, in m."""
    max_depth_m: float = 100.0
    """Predictions beyond it are published as out of range (+inf), in m."""
    output_name: str | None = None
    """Of the network, where several of its outputs are pictures."""

    def __post_init__(self) -> None:
        if self.output not in OUTPUTS:
            raise ValueError(
                f'output is {self.output!r}, expected one of {OUTPUTS}; a relative '
                '(affine-invariant) output is none of them: no metre follows from an unknown '
                'scale and shift, choose the metric variant of the network'
            )
        self.normalisation()  # raises
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
                'the baseline of its stereo rig, and nothing else has one'
            )

    def normalisation(self) -> Normalisation:
        """Return what `normalise` and `channels` say."""
        return read_normalisation(self.normalise, bgr=self.channels == 'bgr')
