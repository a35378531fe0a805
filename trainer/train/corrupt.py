"""
Corruptions of what the network sees: blur, noise, darkness, fog (docs/method.md#augmentation).

The loss sees the clean images.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

PROBABILITY = 0.3
# Ranges from hardly visible to what a robot meets. Widths of blur are in px of a network's image.
DEFOCUS_SIGMA_PX = 0.5, 2.0
# Odd widths leave the middle where it is.
MOTION_HALF_PX = 1, 4
NOISE_SIGMA = 4.0, 20.0
DARKNESS_GAIN = 0.15, 0.5
DARKNESS_SIGMA = 4.0
FOG_FRACTION, FOG_GREY = (0.2, 0.6), 200.0

Corruption = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def corrupted(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """
    Return an image with one drawn corruption, or as it is with probability 1 - PROBABILITY.

    image: (3, H, W) uint8 RGB.
    """
    if generator.random() >= PROBABILITY:
        return image
    drawn = CORRUPTIONS[generator.integers(len(CORRUPTIONS))]
    changed = drawn(image.transpose(1, 2, 0).astype(np.float32), generator)
    levels = np.clip(np.rint(changed), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(2, 0, 1))


def _defocused(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), generator.uniform(*DEFOCUS_SIGMA_PX)))


def _moved(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    half = int(generator.integers(*MOTION_HALF_PX, endpoint=True))
    return np.asarray(cv2.blur(image, (2 * half + 1, 1)))


def _noisy(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    sigma = generator.uniform(*NOISE_SIGMA)
    return np.asarray(image + sigma * generator.standard_normal(image.shape, np.float32))


def _dark(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    noise = DARKNESS_SIGMA * generator.standard_normal(image.shape, np.float32)
    return np.asarray(image * generator.uniform(*DARKNESS_GAIN) + noise)


def _foggy(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    fraction = np.float32(generator.uniform(*FOG_FRACTION))
    return image * (1 - fraction) + np.float32(FOG_GREY) * fraction


CORRUPTIONS: tuple[Corruption, ...] = (_defocused, _moved, _noisy, _dark, _foggy)
