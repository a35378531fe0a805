"""
Data grafting: samples with rows of two pairs (docs/method.md#augmentation).

A row's disparity does not depend on its place in the image, so a grafted pair is as true as its
parts, but where in the image something stands no longer tells how far it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from trainer.train.samples import Graft

# Parts of the height above the seam; 0 grafts nothing.
FRACTIONS = (0.0, 0.2, 0.4, 0.6, 0.8)
EXCHANGED_PROBABILITY = 0.5
# The coarsest scale's rows, which must be of one pair, are means of so many.
COARSEST_ROWS = 8


def draw_graft(generator: np.random.Generator, height: int) -> Graft:
    """
    Draw the rows of one sample that another pair replaces.

    height: rows of the images, a multiple of COARSEST_ROWS.
    Returns own_rows of `height` for a sample that stays whole.
    """
    fraction = generator.choice(FRACTIONS)
    own_rows = round(fraction * height / COARSEST_ROWS) * COARSEST_ROWS or height
    exchanged = own_rows < height and generator.random() < EXCHANGED_PROBABILITY
    return Graft(torch.tensor(own_rows), torch.tensor(bool(exchanged)))


def grafted_rows(graft: Graft, height: int) -> Tensor:
    """
    Return for each row of a batch the row that comes there, (B, H) int64.

    graft: of the B samples, each of which takes rows of the next one.
    Row v of sample b has the number b * H + v. In an exchanged sample the other pair's part stands
    above its own.
    """
    samples = len(graft.own_rows)
    own_rows, exchanged = graft.own_rows[:, None], graft.exchanged[:, None]
    v = torch.arange(height, device=own_rows.device)[None]
    # Exchanged: the rows below the seam come first, then those above it.
    source = torch.where(exchanged, (v + own_rows) % height, v)
    sample = torch.arange(samples, device=own_rows.device)[:, None]
    partner = (sample + 1) % samples
    return torch.where(source < own_rows, sample, partner) * height + source


def take_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return (B, C, H, W) values with the rows that grafted_rows gives."""
    batch, channels, _, width = values.shape
    by_row = values.transpose(1, 2).reshape(-1, channels, width)
    return by_row[rows.flatten()].view(batch, -1, channels, width).transpose(1, 2)


def seams(rows: Tensor) -> Tensor:
    """Return whether a row does not follow the one above it, (B, H) bool; False for the first."""
    follows = rows.diff(dim=1, prepend=rows[:, :1] - 1) == 1
    # The first row of a pair has the number after the last one of another.
    is_first = rows % rows.shape[1] == 0
    is_first[:, 0] = False
    return ~follows | is_first
