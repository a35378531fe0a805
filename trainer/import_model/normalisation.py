"""Normalisation of the input of a third-party network by mean and standard deviation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Mean and standard deviation of RGB in 0..1; `none` leaves 0..255.
NAMED = {
    'imagenet': ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    'unit': ((0.0,) * 3, (1.0,) * 3),
    'none': ((0.0,) * 3, (1 / 255,) * 3),
}


class Normalisation(NamedTuple):
    """
    A map from pixels to a network's input: pixel in 0..255 times factor, plus offset.

    factor, offset: (3,) float32, in the order of the network's channels.
    """

    factor: np.ndarray
    offset: np.ndarray


def read_normalisation(text: str, *, bgr: bool) -> Normalisation:
    """
    Return the normalisation that a text describes; raise ValueError for any other text.

    text: a name of NAMED, `MEAN,STD` of all channels, or three means and three standard
        deviations in the order of the network's channels.
    bgr: whether that order is blue, green, red.
    """
    mean, deviation = _named(text, bgr=bgr) if text in NAMED else _numbers(text)
    factor, offset = 1 / (255 * deviation), -mean / deviation
    return Normalisation(factor.astype(np.float32), offset.astype(np.float32))


def _named(text: str, *, bgr: bool) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = map(np.array, NAMED[text])
    return (mean[::-1], deviation[::-1]) if bgr else (mean, deviation)


def _numbers(text: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        numbers = np.array([float(number) for number in text.split(',')])
        mean, deviation = (np.broadcast_to(part, 3) for part in np.split(numbers, 2))
    except ValueError as error:
        raise ValueError(
            f'normalise is {text!r}, expected one of {tuple(NAMED)}, or MEAN,STD such as 0.5,0.5, '
            'or three means and three standard deviations'
        ) from error
    if not ((mean >= 0) & (mean <= 1) & (deviation > 0) & (deviation <= 1)).all():
        raise ValueError(
            f'normalise is {text!r}, expected means in 0..1 and standard deviations above 0, at '
            'most 1, for pixels of 0..1; divide numbers for pixels of 0..255 by 255'
        )
    return mean, deviation
