"""Comparison of all contenders on one network in one process: first start, error, latency."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
import time
from typing import NamedTuple

import numpy as np

from bench.contenders import Contender, Network, TORCH_CPU
from bench.networks import unseen_images, write_network
from bench.turns import by_turns, EngineLatency
from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.backend import Backend


class Measured(NamedTuple):
    """
    The measurements of one contender.

    first_s: time from opening to the first result, including compilation that is cached.
    error: mean relative difference of disparity to torch in fp32 on the CPU.
    latency: time of one image.
    """

    first_s: float
    error: float
    latency: EngineLatency


class EngineComparison(NamedTuple):
    """The measured contenders, and those left out because they do not run here, with a reason."""

    measured: dict[Contender, Measured]
    left_out: dict[Contender, str]


def compare(network: Network, contenders: Iterable[Contender], folder: Path) -> EngineComparison:
    """Write the network into the folder, and measure all contenders in turns."""
    refusals = write_network(network, folder)
    images = unseen_images(network.camera)
    with TORCH_CPU.open(folder) as torch:
        expected = _disparities(torch, images)
    first_s: dict[Contender, float] = {}
    backends: dict[Contender, Backend] = {}
    left_out: dict[Contender, str] = {}
    with ExitStack() as opened:
        for contender in contenders:
            start_s = time.perf_counter()
            try:
                if contender.precision in refusals:
                    raise ValueError(refusals[contender.precision])
                backend = opened.enter_context(contender.open(folder))
                backend.infer(images[0])
            except (ValueError, RuntimeError) as error:
                left_out[contender] = one_line(error)
                continue
            first_s[contender] = time.perf_counter() - start_s
            backends[contender] = backend
        errors = {c: _error(_disparities(b, images), expected) for c, b in backends.items()}
        latencies = by_turns({c: _run(b, images[0]) for c, b in backends.items()})
    measured = {c: Measured(first_s[c], errors[c], latencies[c]) for c in backends}
    return EngineComparison(measured, left_out)


def _run(backend: Backend, image: np.ndarray) -> Callable[[], object]:
    return partial(backend.infer, image, backend.empty_output())


def _disparities(backend: Backend, images: list[np.ndarray]) -> np.ndarray:
    return np.stack([backend.infer(image).disparity_frac for image in images])


def _error(disparities: np.ndarray, expected: np.ndarray) -> float:
    return float(np.mean(np.abs(disparities - expected) / expected))
