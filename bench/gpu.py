"""
`python -m bench.gpu`: all measurements that need an NVIDIA GPU, in less than eight minutes.

It builds and tests engines of TensorRT or TensorRT-RTX and measures them in turns with torch,
opens and closes one of them repeatedly, and times training steps. Each part is a process of its
own with a time limit; a part that cannot run has a row that says why. It needs no internet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median
import sys
from tempfile import TemporaryDirectory
import time

from bench.contenders import (
    keep_compiled_in,
    Network,
    NO_GRAPH_FP16,
    ON_GPU,
    TENSORRT_FP16,
    tensorrt_problem,
)
from bench.inference import inference_targets
from bench.machine import description, in_words
from bench.parts import FAILED, NOT_RUN, PartResult, run_part
from bench.report import report, Target
from bench.turns import speed_up
from monodepth_ros.inference.load import UnavailableError

SMALL, LARGE = Network('resnet18', 640, 192), Network('resnet18', 1024, 320)
TOTAL_S = 460.0
# Limit the time of the openings: TensorRT-RTX takes more than four seconds for one on an H200.
OPENINGS, WARM_UP, OPENING_S = 20, 2, 60.0
# A leaked engine takes at least ten MB; libraries may allocate a page at any time.
MAX_GROWTH_MB = 2.0
TRAINING_SIZE = (192, 640)  # height, width


def main() -> int:
    """Measure, print, write out/bench/gpu.json; 1 when a target is missed or a part failed."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    print(in_words())
    end_s = time.monotonic() + TOTAL_S
    findings: list[PartResult] = []
    targets: list[Target] = []
    # Ignore errors: a compiler of a part that was stopped may still write there.
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # Run the most important parts first: the last one gets the time that is left.
        for title, work, limit_s, *arguments in (
            ('GPU', system, 30),
            (f'engines {SMALL.title}', engines, 180, SMALL, folder / 'small'),
            ('openings', openings, 90, folder / 'openings'),
            ('training', training, 180),
            (f'engines {LARGE.title}', engines, 180, LARGE, folder / 'large'),
        ):
            left_s = max(0.0, min(limit_s, end_s - time.monotonic()))
            for result in run_part(title, work, *arguments, limit_s=left_s):
                print(result, file=sys.stderr)  # at once, since the table comes minutes later
                if isinstance(result, Target):
                    targets.append(result)
                else:
                    findings.append(result)
    status = report(
        'gpu',
        columns=('part', '', 'found'),
        rows=[[finding.part, finding.name, finding.text] for finding in findings],
        targets=targets,
        details={
            'machine': description(),
            'findings': [finding._asdict() for finding in findings],
        },
    )
    return 1 if any(finding.name == FAILED for finding in findings) else status


def system() -> Iterator[PartResult]:
    """Yield GPU, driver and TensorRT; raise UnavailableError, as all parts do."""
    _need_tensorrt()
    from cuda.bindings import runtime

    from monodepth_ros.inference.tensorrt import cuda
    from monodepth_ros.inference.tensorrt.library import library

    device = cuda.device()
    values = {
        'compute capability': device.compute_capability,
        'driver for CUDA': str(cuda.call(runtime.cudaDriverGetVersion)),
        'with': library().title,
    }
    yield PartResult('GPU', device.name, values)


def engines(network: Network, folder: Path) -> Iterator[PartResult | Target]:
    """Yield measurements of the contenders on the GPU; load_backend runs their self-tests."""
    _need_tensorrt()
    keep_compiled_in(folder)
    # Imported late, so that a missing GPU is reported without the seconds of importing torch.
    from bench.comparison import compare
    from monodepth_ros.inference.tensorrt.engine_cache import default_folder, EngineCache

    comparison = compare(network, ON_GPU, folder / 'files')
    for note in EngineCache(default_folder()).entries():
        size_mb = note.size_bytes / 2**20
        values = {'build_s': note.build_s, 'size_mb': size_mb}
        yield PartResult(network.title, f'engine of {note.title}', values)
    for contender, (first_s, error, latency) in comparison.measured.items():
        values = {
            'p50_ms': latency.p50_ms,
            'p95_ms': latency.p95_ms,
            'images_per_s': latency.images_per_s,
            'first_s': first_s,
            'error': error,
        }
        yield PartResult(network.title, contender.title, values)
    for contender, why in comparison.left_out.items():
        yield PartResult(network.title, contender.title, {NOT_RUN: why})
    latencies = {c: measured.latency for c, measured in comparison.measured.items()}
    if {TENSORRT_FP16, NO_GRAPH_FP16} <= latencies.keys():
        ratio = speed_up(latencies[NO_GRAPH_FP16], latencies[TENSORRT_FP16])
        yield PartResult(network.title, 'CUDA graph', {'times as fast as without': ratio})
    yield from inference_targets(network, comparison, flags=set())


def openings(folder: Path) -> Iterator[PartResult | Target]:
    """Yield the growth of GPU memory after an engine was opened, run and closed repeatedly."""
    _need_tensorrt()
    keep_compiled_in(folder)
    from bench.networks import write_network

    files = folder / 'files'
    refusals = write_network(SMALL, files, [TENSORRT_FP16.precision])
    if refusals:
        raise ValueError(refusals[TENSORRT_FP16.precision])
    free_mb: list[float] = []
    seconds: list[float] = []
    end_s = time.perf_counter() + OPENING_S
    while len(seconds) < OPENINGS:
        start_s = time.perf_counter()
        if start_s >= end_s and len(seconds) > WARM_UP:
            break
        TENSORRT_FP16.open(files).close()
        seconds.append(time.perf_counter() - start_s)
        free_mb.append(_free_mb())
    # Measure after the warm-up: libraries keep what they load at their first use.
    growth_mb = free_mb[WARM_UP - 1] - free_mb[-1]
    values = {'times': len(seconds), 'growth_mb': growth_mb, 'each_s': median(seconds)}
    yield PartResult('openings', TENSORRT_FP16.title, values)
    name = f'growth over {len(seconds)} openings, MB'
    yield Target(name, growth_mb, MAX_GROWTH_MB, at_most=True)


def training() -> Iterator[PartResult | Target]:
    """Yield the times of a step of bench.training, ours and the plain one in turns."""
    import torch

    from bench.training import alternating_seconds, BATCH, SPEED_UP

    if not torch.cuda.is_available():
        raise UnavailableError(f'torch {torch.__version__} sees no CUDA GPU')
    height, width = TRAINING_SIZE
    seconds = alternating_seconds(height, width, torch.device('cuda'))
    title = f'training {width}x{height}'
    for kind, values in seconds.items():
        yield PartResult(title, kind, {'images_per_s': BATCH / median(values)})
    ratios = [plain / ours for ours, plain in zip(*seconds.values(), strict=True)]
    yield Target(f'{title}, ours / plain', median(ratios), SPEED_UP['cuda'])


def _need_tensorrt() -> None:
    problem = tensorrt_problem()
    if problem is not None:
        raise UnavailableError(problem)


def _free_mb() -> float:
    from cuda.bindings import runtime

    from monodepth_ros.inference.tensorrt import cuda

    return float(cuda.call(runtime.cudaMemGetInfo) / 2**20)


if __name__ == '__main__':
    sys.exit(main())
