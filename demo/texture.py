"""Noise textures without aliasing: tileable 1/f noise, with a mip level for each footprint."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math

import cv2
import numpy as np

TEXTURE_TEXELS = 1024
MIP_LEVELS = 8


@dataclass(frozen=True)
class Surface:
    """Noise between two colours (RGB 0..1); one texture tile covers tile_m metres."""

    low: np.ndarray
    high: np.ndarray
    tile_m: float
    offset_m: np.ndarray


def sample_noise(surface: Surface, across: np.ndarray, footprint_m: np.ndarray) -> np.ndarray:
    """
    Return the noise 0..1, (n,), at texture coordinates.

    surface: the texture.
    across: texture coordinates, (n, 2) m.
    footprint_m: size of a pixel on the surface, (n,) m, which selects the mip level.
    """
    atlas, tops = _noise_atlas()
    texel_m = surface.tile_m / TEXTURE_TEXELS
    level = np.clip(np.rint(np.log2(footprint_m / texel_m)), 0, MIP_LEVELS - 1).astype(int)
    texels = (TEXTURE_TEXELS >> level).astype(np.float32)
    tile = ((across + surface.offset_m) / surface.tile_m) % 1.0
    # Tiles have one wrapped texel on every side, so that bilinear sampling stays inside.
    column = (0.5 + tile[:, 0] * texels).astype(np.float32)
    row = (tops[level] + 0.5 + tile[:, 1] * texels).astype(np.float32)
    # cv2.remap takes maps of at most 32767 rows: fold the list of samples into a square.
    side = math.ceil(math.sqrt(len(column)))
    columns, rows = (np.resize(values, (side, side)) for values in (column, row))
    sampled = cv2.remap(atlas, columns, rows, cv2.INTER_LINEAR)
    return np.asarray(sampled.ravel()[: len(column)])


@lru_cache(maxsize=1)
def _noise_atlas() -> tuple[np.ndarray, np.ndarray]:
    """Return tileable 1/f noise with its mip levels stacked vertically, and their top rows."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(TEXTURE_TEXELS),) * 2))
    frequency[0, 0] = np.inf
    spectrum = np.fft.fft2(rng.normal(size=(TEXTURE_TEXELS,) * 2)) / frequency
    noise = np.fft.ifft2(spectrum).real
    noise = np.clip(0.5 + noise / (4 * noise.std()), 0, 1).astype(np.float32)
    levels = [noise]
    while len(levels) < MIP_LEVELS:
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    padded = [np.pad(level, 1, mode='wrap') for level in levels]
    tops = np.cumsum([0, *(len(level) for level in padded[:-1])])
    width = padded[0].shape[1]
    rows = [np.pad(level, ((0, 0), (0, width - level.shape[1]))) for level in padded]
    return np.concatenate(rows), tops
