"""Checks that an engine computes the results stored in the model file."""

from __future__ import annotations

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.model_spec import self_test_image
from monodepth_ros.inference.backend import Backend

# Largest mean relative difference to the stored values, by arithmetic.
TOLERANCES = {'fp32': 1e-4, 'fp16': 2e-3, 'bf16': 1e-2, 'int8': 2e-2}


class SelfTestError(ValueError):
    """Error for an engine with wrong results, with what was got and what to do."""


def check_self_test(backend: Backend, title: str) -> None:
    """
    Compare a backend of the canonical size with the expected values in the ModelSpec.

    title: the model's name for the message. Raises SelfTestError.
    """
    test = backend.spec.self_test
    if test is None:
        raise SelfTestError(f'{title} holds no self-test; export it again')
    try:
        disparity_frac = _disparity_of_pattern(backend)
        got = np.array([disparity_frac[pixel] for pixel in test.pixels])
    # A file that contradicts its spec makes the engine raise any error, or gives an IndexError.
    except Exception as error:
        raise SelfTestError(
            f'{title} does not run on {backend.name} as its ModelSpec says: {one_line(error)}'
        ) from error
    _check(backend, got, np.array(test.disparity), title, 'its own self-test')


def check_against(backend: Backend, reference: Backend, title: str) -> None:
    """
    Compare with another backend of the same model and size, where no expected values are stored.

    title: the model's name for the message. Raises SelfTestError.
    """
    got, expected = map(_disparity_of_pattern, (backend, reference))
    title = f'{title} at {backend.width} x {backend.height}'
    _check(backend, got, expected, title, reference.name)


def _disparity_of_pattern(backend: Backend) -> np.ndarray:
    image = self_test_image(width=backend.width, height=backend.height)
    return backend.infer(image).disparity_frac


def _check(
    backend: Backend, got: np.ndarray, expected: np.ndarray, title: str, source: str
) -> None:
    smallest = np.finfo(np.float32).tiny  # avoids a division by a disparity of 0
    difference = float(np.mean(np.abs(got - expected) / np.maximum(expected, smallest)))
    tolerance = TOLERANCES[backend.precision]
    if not difference <= tolerance:
        raise SelfTestError(
            f'{title} computes disparities on {backend.name} that differ by {difference:.1e} from '
            f'{source}, expected at most {tolerance:.0e} in {backend.precision}; the file or the '
            'engine is damaged'
        )
