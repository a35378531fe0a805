"""The samples of a training: a pair, or a batch of them, before and after its augmentation."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

# Size in a training without hints.
NO_HINTS = (2, 0, 0)


class Augmentation(NamedTuple):
    """Changes of a pair: mirrored () bool, gamma () float32, gain (3,) float32 of R, G and B."""

    mirrored: Tensor
    gamma: Tensor
    gain: Tensor


class StereoSample(NamedTuple):
    """
    One pair, or a batch of them.

    left, right: (3, H, W) uint8 RGB.
    baseline_ratio: (), baseline of the rig over the canonical one.
    hints: (2, H, W) float16, disparity of left and right view in fractions of W, 0 where unknown;
        (2, 0, 0) for a training without hints.
    augmentation: augmentation that is not applied yet; it is faster on the GPU.
    name: name of the pair, for messages.
    """

    left: Tensor
    right: Tensor
    hints: Tensor
    baseline_ratio: Tensor
    augmentation: Augmentation
    name: str


class AugmentedBatch(NamedTuple):
    """
    The batch that a training step computes with.

    left, right: (B, 3, H, W) in 0..1.
    hints: (B, 2, H, W), see StereoSample; None: without.
    baseline_ratio: (B,).
    """

    left: Tensor
    right: Tensor
    hints: Tensor | None
    baseline_ratio: Tensor
