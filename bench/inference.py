"""
`python -m bench.inference`: speed and error of each engine and precision on one exported graph.

The graph is complete: uint8 image, flip, confidence. torch computes the module that was exported.
The weights are random, except for the accuracy of int8, which is measured with the demo's model.
Latencies are measured in turns in one process, one image after the other. Start-up and memory are
measured in a process of its own, with what was compiled before.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import math
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

from bench.contenders import (
    COMPILED,
    Contender,
    EAGER,
    keep_compiled_in,
    Network,
    ON_CPU,
    ON_GPU,
    OPENVINO,
    OPENVINO_INT8,
    start_up,
    StartUp,
    TENSORRT_FP16,
    tensorrt_problem,
    TORCH_CPU,
    TORCH_GPU,
)
from bench.machine import BFLOAT16, cpu_flags, description, in_words, VNNI
from bench.memory import in_child
from bench.report import report, Target
from bench.turns import ROUNDS, speed_up

if TYPE_CHECKING:
    from bench.comparison import EngineComparison

NETWORKS = (
    Network('resnet18', 640, 192),
    Network('resnet18', 1024, 320),
    Network('godard_vgg', 512, 256),
)
MIN_OVER_TORCH, MIN_OVER_FP32, MIN_OVER_TORCH_GPU = 2.0, 1.5, 3.0
MAX_ABS_REL_RATIO = 1.02
DEMO = Path('out/demo')
COLUMNS = ('', 'p50 ms', 'p95 ms', 'images/s', 'start s', 'MB', 'error')


def main() -> int:
    """Run the command line; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--demo', type=Path, default=DEMO, help='folder that `make demo` wrote')
    options = parser.parse_args()
    print(in_words())
    rows: list[list[str]] = []
    targets: list[Target] = []
    networks: dict[str, object] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        keep_compiled_in(folder)
        for network in NETWORKS:
            comparison, starts = _measure(network, folder)
            rows += _rows(network, comparison, starts)
            targets += inference_targets(network, comparison, cpu_flags())
            networks[network.title] = _as_dict(comparison, starts)
        targets += _demo_targets(options.demo, folder)
    return report(
        'inference',
        columns=COLUMNS,
        rows=rows,
        targets=targets,
        details={'machine': description(), 'rounds': ROUNDS, 'networks': networks},
    )


def inference_targets(
    network: Network, comparison: EngineComparison, flags: set[str]
) -> Iterator[Target]:
    """
    Yield the targets that can be judged on this machine.

    bfloat16 counts only if the processor has it, and int8 only in its own target, because a user
    chooses int8 at export.

    network: the network.
    comparison: its measurements.
    flags: instruction sets of the processor.
    """
    latency = {c: measured.latency for c, measured in comparison.measured.items()}

    def target(fast: Contender, slow: Contender, least: float) -> Target:
        # A contender that was left out misses its target.
        ratio = speed_up(latency[slow], latency[fast]) if fast in latency else math.nan
        return Target(f'{network.title}: {fast.title} / {slow.title}', ratio, least)

    counted = {'fp32', 'fp16'} | ({'bf16'} if flags & BFLOAT16 else set())
    engines = [
        contender
        for contender in latency
        if contender.device == 'cpu'
        and contender.engine not in (EAGER, COMPILED)
        and contender.precision in counted
    ]
    if engines and TORCH_CPU in latency:
        best = max(engines, key=lambda c: speed_up(latency[TORCH_CPU], latency[c]))
        yield target(best, TORCH_CPU, MIN_OVER_TORCH)
    # Only OpenVINO: ONNX Runtime computes our int8 in float32 (docs/export.md).
    if flags & VNNI and OPENVINO in latency:
        yield target(OPENVINO_INT8, OPENVINO, MIN_OVER_FP32)
    if TORCH_GPU in latency:
        yield target(TENSORRT_FP16, TORCH_GPU, MIN_OVER_TORCH_GPU)


def _measure(network: Network, folder: Path) -> tuple[EngineComparison, dict[Contender, StartUp]]:
    # Imported late: child processes import this module, and most of them do not need torch.
    from bench.comparison import compare

    problem = tensorrt_problem()
    contenders = ON_CPU if problem else ON_CPU + ON_GPU
    files = folder / network.title
    comparison = compare(network, contenders, files)
    left_out = {contender.title: why for contender, why in comparison.left_out.items()}
    for title, why in (left_out | ({'TensorRT': problem} if problem else {})).items():
        print(f'{network.title}: leaving out {title}: {why}', file=sys.stderr)
    starts = {c: in_child(start_up, c, files) for c in comparison.measured}
    return comparison, starts


def _rows(
    network: Network, comparison: EngineComparison, starts: dict[Contender, StartUp]
) -> Iterator[list[str]]:
    yield [network.title, *[''] * (len(COLUMNS) - 1)]
    for contender, (_, error, latency) in comparison.measured.items():
        start = starts[contender]
        yield [
            contender.title,
            f'{latency.p50_ms:.3g}',
            f'{latency.p95_ms:.3g}',
            f'{latency.images_per_s:.3g}',
            f'{start.seconds:.1f}',
            f'{start.peak_mb:.0f}',
            f'{error:.1e}',
        ]


def _as_dict(comparison: EngineComparison, starts: dict[Contender, StartUp]) -> dict[str, Any]:
    """Return the measurements for JSON."""
    engines = {
        contender.title: {'first_s': first_s, 'error': error}
        | latency._asdict()
        | starts[contender]._asdict()
        for contender, (first_s, error, latency) in comparison.measured.items()
    }
    left_out = {contender.title: why for contender, why in comparison.left_out.items()}
    return {'engines': engines, 'left_out': left_out}


def _demo_targets(demo: Path, folder: Path) -> Iterator[Target]:
    """Yield the target for the accuracy of the demo's model in int8, on unseen scenes."""
    model, pairs, recording = demo / 'model.onnx', demo / 'pairs', demo / 'camera_bag'
    missing = [str(path) for path in (model, pairs, recording) if not path.exists()]
    if missing:
        print(f'{missing[0]} is missing: not measuring the accuracy of int8; write it with '
              '`make demo`', file=sys.stderr)  # fmt: skip
        return
    # Imported late as in _measure.
    from trainer.evaluate.config import EvaluateConfig
    from trainer.evaluate.evaluate import evaluate
    from trainer.export.quantize import quantize

    int8, ratio = folder / 'demo_int8.onnx', math.nan
    try:
        quantize(model, int8, str(pairs))
    except ValueError as error:
        print(f'demo: {error}', file=sys.stderr)
    else:
        scores = evaluate([model, int8], str(recording), EvaluateConfig()).scores.values()
        before, after = (score.metrics.abs_rel for score in scores)
        print(f'demo: Abs Rel {before:.4f} in fp32, {after:.4f} in int8')
        ratio = after / before
    yield Target('demo: Abs Rel int8 / fp32', ratio, MAX_ABS_REL_RATIO, at_most=True)


if __name__ == '__main__':
    sys.exit(main())
