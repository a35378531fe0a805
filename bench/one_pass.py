"""
`python -m bench.one_pass`: what a network loses and gains that is distilled into one pass.

The teachers are the trainings of the ablation's row with hints, which are trained if they are not
there. Each is distilled by `python -m trainer distill` and judged as the rows of the ablation are.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
import shutil
from statistics import fmean
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.ablation import DATA, FULL, judge, result, training_config, WITH_HINTS
from bench.ablation_data import prepare
from bench.ablation_tables import mean_and_spread, TARGET_SETS
from bench.machine import description, in_words
from bench.report import report, Target
from bench.turns import by_turns, EngineLatency, speed_up
from monodepth_ros.inference.load import load_backend
from trainer.export.export import export
from trainer.train.checkpoint import LAST

STEPS, LEARNING_RATE = 300, 3e-4
ONE, TWO = 'one pass, distilled', 'two passes'
COLUMNS = ('judged on', 'model', 'Abs Rel', 'AUSE')
MAX_ERROR_RATIO, MAX_AUSE_RATIO, MAX_TIME_RATIO = 1.01, 0.6, 0.55

Scores = Mapping[str, Sequence[Mapping[str, Mapping[str, Any]]]]


def main() -> int:
    """Train, distil, judge, print, write out/bench/one_pass.json; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=Path, default=DATA, help='folder with bags/ and pairs/')
    options = parser.parse_args()
    print(in_words())
    try:
        return _run(options.data.resolve())
    except (ValueError, OSError) as error:
        print(f'one_pass: {error}', file=sys.stderr)
        return 1


def _run(data_folder: Path) -> int:
    data = prepare(data_folder, FULL.work, every=FULL.every)
    scores: dict[str, list[Any]] = {TWO: [], ONE: []}
    for seed in FULL.seeds:
        config = training_config(WITH_HINTS, seed, FULL, data)
        scores[TWO].append(result(config, data)['scores'])
        teacher, student = config.output / LAST, config.output.with_name('one_pass')
        distilled(teacher, student)
        scores[ONE].append(judge(student, data)['scores'])
    latency = latencies(teacher, student / LAST)
    return report(
        'one_pass',
        columns=COLUMNS,
        rows=[*score_rows(scores), *latency_rows(latency)],
        targets=[*targets(scores), time_target(latency)],
        details={'machine': description(), 'scores': scores},
    )


def distilled(teacher: Path, student: Path) -> None:
    """
    Distil a checkpoint into a folder, or go on there if the teacher is the same.

    Raises ValueError if the command fails.
    """
    last = student / LAST
    if last.exists() and last.stat().st_mtime < teacher.stat().st_mtime:
        shutil.rmtree(student)
    command = [sys.executable, '-m', 'trainer', 'distill', str(teacher), '-o', str(student)]
    command += ['--steps', str(STEPS), '--learning_rate', str(LEARNING_RATE)]
    status = subprocess.run(command, check=False).returncode
    if status:
        raise ValueError(f'{" ".join(command)} ended with status {status}, see above for why')


def latencies(teacher: Path, student: Path) -> dict[str, EngineLatency]:
    """Measure both, exported, in OpenVINO and in turns."""
    runs = {}
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        for name, checkpoint in ((TWO, teacher), (ONE, student)):
            spec = export(checkpoint, folder / f'{name}.onnx')
            backend = opened.enter_context(load_backend(folder / f'{name}.onnx', 'openvino'))
            size = spec.camera.height, spec.camera.width, 3
            image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
            runs[name] = partial(backend.infer, image, backend.empty_output())
        return by_turns(runs)


def score_rows(scores: Scores) -> list[list[str]]:
    """Return the lines of the table, one for each set that judges and model."""
    return [
        [judged, name]
        + [mean_and_spread([s[judged][key] for s in seeds], '.3f') for key in ('abs_rel', 'ause')]
        for judged in scores[TWO][0]
        for name, seeds in scores.items()
    ]


def latency_rows(latency: Mapping[str, EngineLatency]) -> list[list[str]]:
    """Return the lines of the latency."""
    return [['OpenVINO', name, f'{of.p50_ms:.1f} ms', ''] for name, of in latency.items()]


def targets(scores: Scores) -> list[Target]:
    """Return the targets on unseen streets: error and AUSE of one pass over those of two."""
    return [
        Target(f'{judged}: {key}, one pass / two', _ratio(scores, judged, key), most, at_most=True)
        for judged in TARGET_SETS
        for key, most in (('abs_rel', MAX_ERROR_RATIO), ('ause', MAX_AUSE_RATIO))
    ]


def time_target(latency: Mapping[str, EngineLatency]) -> Target:
    """Return the target of the latency of one pass over that of two."""
    ratio = speed_up(latency[ONE], latency[TWO])
    return Target('latency, one pass / two', ratio, MAX_TIME_RATIO, at_most=True)


def _ratio(scores: Scores, judged: str, key: str) -> float:
    one, two = (fmean(s[judged][key] for s in scores[name]) for name in (ONE, TWO))
    return one / two


if __name__ == '__main__':
    sys.exit(main())
