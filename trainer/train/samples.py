"""The samples of a training: a pair, or a batch of them, before and after its augmentation."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

# Sizes in a training without hints and corruptions.
NO_HINTS, NOT_CORRUPTED = (2, 0, 0), (3, 0, 0)


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
    seen: (3, H, W) uint8, what the network sees of the left view, or of the right one where the
        pair is to be mirrored, corrupted; (3, 0, 0) for a training without corruptions.
    augmentation: augmentation that is not applied yet; it is faster on the GPU.
    name: name of the pair, for messages.
    """

    left: Tensor
    right: Tensor
    hints: Tensor
    seen: Tensor
    baseline_ratio: Tensor
    augmentation: Augmentation
    name: str


class AugmentedBatch(NamedTuple):
    """
    The batch that a training step computes with.

    left, right: (B, 3, H, W) in 0..1, what the loss sees.
    seen: (B, 3, H, W) in 0..1, what the network sees of left.
    hints: (B, 2, H, W), see StereoSample; None: without.
    baseline_ratio: (B,).
    """

    left: Tensor
    right: Tensor
    seen: Tensor
    hints: Tensor | None
    baseline_ratio: Tensor
