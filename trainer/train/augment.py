"""
Augmentation of stereo batches: flips that stay stereo, shared colours, windows and grafts.

Flips and colours are the paper's (docs/method.md#augmentation).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.train.crop import cropped, cropped_hints, draw_window, WHOLE
from trainer.train.graft import draw_graft, grafted_rows, seams, take_rows
from trainer.train.samples import Augmentation, AugmentedBatch, Graft, StereoSample


def unchanged(height: int) -> Augmentation:
    """Return the augmentation that changes nothing, for images of that many rows."""
    whole = Graft(torch.tensor(height), torch.tensor(False))
    return Augmentation(
        torch.tensor(False), torch.tensor(1.0), torch.ones(3), torch.tensor(WHOLE), whole
    )


def draw_augmentation(generator: np.random.Generator, height: int) -> Augmentation:
    """Draw flip and colours of one pair, each with probability 1/2, and its window and graft."""
    drawn = unchanged(height)._replace(mirrored=torch.tensor(bool(generator.random() < 0.5)))
    if generator.random() >= 0.5:
        gamma = generator.uniform(0.8, 1.2)
        gain = generator.uniform(0.5, 2.0) * generator.uniform(0.8, 1.2, 3)
        drawn = drawn._replace(
            gamma=torch.tensor(gamma, dtype=torch.float32),
            gain=torch.tensor(gain, dtype=torch.float32),
        )
    window = draw_window(generator)
    return drawn._replace(window=window, graft=draw_graft(generator, height))


def augment(batch: StereoSample, *, crops: bool, grafts: bool) -> AugmentedBatch:
    """
    Apply to each pair of a batch the augmentation that was drawn for it.

    crops, grafts: whether also its window and its graft.
    """
    mirrored, gamma, gain, windows, graft = batch.augmentation
    images = list(mirror_pairs(batch.left / 255, batch.right / 255, chosen=mirrored))
    if batch.seen.numel():
        images.append(batch.seen / 255)
    # As the views, the hints change places.
    hints = torch.where(mirrored.view(-1, 1, 1, 1), batch.hints.flip(1, -1), batch.hints)
    ratio, at_seams, has_hints = batch.baseline_ratio, None, hints.numel() > 0
    if crops:
        images = [cropped(image, windows) for image in images]
        hints = cropped_hints(hints, windows) if has_hints else hints
    if grafts:
        height = images[0].shape[2]
        rows = grafted_rows(graft, height)
        images = [take_rows(image, rows) for image in images]
        hints = take_rows(hints, rows) if has_hints else hints
        ratio, at_seams = ratio[rows // height], seams(rows)
    gamma, gain = gamma.view(-1, 1, 1, 1), gain.view(-1, 3, 1, 1)
    left, right, *seen = (change_colors(image, gamma=gamma, gain=gain) for image in images)
    return AugmentedBatch(
        left, right, seen[0] if seen else left, hints if has_hints else None, ratio, at_seams
    )


def mirror_pairs(left: Tensor, right: Tensor, *, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """
    Mirror the chosen pairs: the mirrored right view becomes the left one and vice versa.

    Without the exchange, mirroring would change the sign of every disparity.

    left, right: (B, 3, H, W).
    chosen: (B,) bool.
    """
    chosen = chosen.view(-1, 1, 1, 1)
    return torch.where(chosen, right.flip(-1), left), torch.where(chosen, left.flip(-1), right)


def change_colors(image: Tensor, *, gamma: Tensor, gain: Tensor) -> Tensor:
    """Return image**gamma * gain in 0..1; gamma is (B, 1, 1, 1), gain (B, 3 or 1, 1, 1)."""
    return (image**gamma * gain).clamp(0, 1)
