"""
`python -m bench.ablation`: which part of the training helps, by models of some minutes.

Every row trains by `python -m trainer train`, twice with different seeds, and is judged on streets
that no row trains on. The figures are those of its last five checkpoints. Results are kept in
out/ablation/; the same command goes on where it was stopped, and repeats a row whose options,
data or ground truth changed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import re
import shutil
import subprocess
import sys
import time
from typing import Any

from bench import ablation_scores
from bench.ablation_data import AblationData, prepare, source_digest
from bench.ablation_scores import disagreement, opened, score
from bench.ablation_tables import markdown, SCORE_COLUMNS, score_rows, targets
from bench.report import OUTPUT, report
from monodepth_ros.common.atomic import atomic_file
from monodepth_ros.core.model_spec import ModelSpec
from trainer.datasets.sources import fingerprint, open_sequences
from trainer.train.checkpoint import read_record, RECENT
from trainer.train.config import NO_VALIDATION, TrainConfig

DATA = Path(__file__).parents[1] / '../shared/data'
WIDTH, HEIGHT, BATCH = 416, 128, 4
# The five checkpoints that the trainer keeps are of the last fifth of the steps.
CHECKPOINTS = 20


@dataclass(frozen=True)
class Row:
    """
    One training to compare.

    name: name of the row.
    options: options of TrainConfig.
    indoor: whether it also trains on the indoor recording.
    """

    name: str
    options: Mapping[str, Any]
    indoor: bool = False


# What one would take instead of the small network: an encoder, its weights, and the learning rate
# that suits them.
_PRETRAINED = {
    'network': 'efficientnet_lite0',
    'encoder_weights': 'imagenet',
    'learning_rate': 3e-4,
}
ROWS = (
    Row("paper's loss", {'network': 'small', 'learning_rate': 1e-3}),
    Row('+ pretrained encoder', _PRETRAINED),
    Row('base + hints', {**_PRETRAINED, 'hints': 'sgbm'}),
    Row('base + indoor rig', _PRETRAINED, indoor=True),
)


@dataclass(frozen=True)
class Plan:
    """
    The extent of an ablation.

    name: name of its results and of their folder.
    steps: steps of each training.
    seeds: seeds of the trainings of a row.
    every: every n-th frame judges.
    """

    name: str
    steps: int
    seeds: tuple[int, ...]
    every: int

    @property
    def description(self) -> str:
        """Return what was done, in words."""
        quick = '' if self == FULL else 'quick, only a test of the benchmark: '
        return (
            f'{quick}{self.steps} steps of {BATCH} at {WIDTH} x {HEIGHT}, seeds {self.seeds}, '
            f'1 of {self.every} frames judges'
        )

    @property
    def work(self) -> Path:
        """Return the folder of all that is kept."""
        return OUTPUT.parent / self.name


FULL = Plan('ablation', steps=800, seeds=(1, 2), every=2)
QUICK = Plan('ablation_quick', steps=200, seeds=(1,), every=4)


def main() -> int:
    """Train, judge, print, write out/bench/ablation.json and .md; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=Path, default=DATA, help='folder with bags/ and pairs/')
    parser.add_argument('--quick', action='store_true', help='fewer steps, seeds and frames')
    options = parser.parse_args()
    try:
        return _run(QUICK if options.quick else FULL, options.data.resolve())
    except (ValueError, OSError) as error:
        print(f'ablation: {error}', file=sys.stderr)
        return 1


def _run(plan: Plan, data_folder: Path) -> int:
    data = prepare(data_folder, plan.work, every=plan.every)
    # All of them before the first training, so that a wrong option is reported at once.
    configs = {
        (row.name, seed): training_config(row, seed, plan, data)
        for seed in plan.seeds
        for row in ROWS
    }
    results: dict[str, list[dict[str, Any]]] = {row.name: [] for row in ROWS}
    for (name, seed), config in configs.items():
        print(f'{name}, seed {seed}: {config.output.parent}', flush=True)
        results[name].append(result(config, data))
    scores = {name: [entry['scores'] for entry in seeds] for name, seeds in results.items()}
    floor = disagreement(*data.judged[:2])
    final = [row.name for row in ROWS if not row.indoor][-1]
    commits = sorted({entry['commit'] for seeds in results.values() for entry in seeds})
    heading = f'{plan.description}, trained by {", ".join(commits)}'
    file = OUTPUT / f'{plan.name}.md'
    with atomic_file(file) as partial:
        partial.write_text(f'{heading}\n\n{markdown(scores, floor)}')
    print(f'{heading}\nall tables as markdown: {file}')
    return report(
        plan.name,
        columns=SCORE_COLUMNS,
        rows=score_rows(scores),
        targets=targets(scores, first=ROWS[0].name, final=final),
        details={'what': heading, 'scores': scores, 'matching against lidar': floor},
    )


def training_config(row: Row, seed: int, plan: Plan, data: AblationData) -> TrainConfig:
    """Return the configuration of a training; raise TypeError or ValueError for wrong options."""
    folder = re.sub(r'\W+', '_', row.name.lower()).strip('_')
    return TrainConfig(
        data=(*data.streets, data.indoor) if row.indoor else data.streets,
        output=plan.work / folder / f'seed_{seed}' / 'training',
        cache=plan.work / 'cache',
        # The last checkpoints are judged, and none is chosen.
        validation=NO_VALIDATION,
        width=WIDTH,
        height=HEIGHT,
        batch_size=BATCH,
        checkpoint_every=plan.steps // CHECKPOINTS,
        seed=seed,
        trainer={'max_steps': plan.steps, 'enable_progress_bar': False},
        **row.options,
    )


def result(config: TrainConfig, data: AblationData) -> dict[str, Any]:
    """
    Return the stored result of a training, or train, judge and store it.

    config: the training. Its output's parent keeps result.json.
    data: the sets that judge.
    Raises ValueError if the training fails.
    """
    file = config.output.parent / 'result.json'
    trained_on = fingerprint(s for source in config.data for s in open_sequences(source))
    basis = {
        'trained on': trained_on,
        'judged on': {judged.name: judged.digest() for judged in data.judged},
        'scores by': source_digest(ablation_scores),
    }
    stored = json.loads(file.read_text()) if file.exists() else {}
    if stored.get('basis') == basis and is_same(stored['config'], config):
        return dict(stored)
    train(config, trained_on)
    made = {'config': config.plain(), 'basis': basis, **judge(config.output, data)}
    with atomic_file(file) as partial:
        partial.write_text(json.dumps(made, indent=1) + '\n')
    return made


def judge(training: Path, data: AblationData) -> dict[str, Any]:
    """Return the scores of a training's last checkpoints by set, and the commit that trained."""
    start_s = time.monotonic()
    checkpoints = sorted((training / RECENT).glob('*.ckpt'))
    with opened(checkpoints) as predictors:
        scores = {judged.name: score(predictors, judged) for judged in data.judged}
    print(f'judged {len(checkpoints)} checkpoints in {time.monotonic() - start_s:.0f} s')
    spec = ModelSpec.from_json(read_record(checkpoints[-1]).spec_json)
    return {'commit': spec.git_commit, 'scores': scores}


def is_same(stored: Mapping[str, Any], config: TrainConfig) -> bool:
    """
    Return whether TrainConfig.plain() of a training equals a config's.

    The paths of the data may differ: `trained on` says what they hold.
    """
    then, now = TrainConfig.with_defaults(stored), config.plain()
    return then | {'data': None} == now | {'data': None}


def train(config: TrainConfig, trained_on: str) -> None:
    """
    Train by the trainer's command, which resumes a training that was stopped.

    A training in the same folder with other options or data is removed; begun.json beside it
    states them.

    config: the training.
    trained_on: fingerprint of its data.
    Raises ValueError if the training fails.
    """
    file = config.output.parent / 'begun.json'
    begun: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    is_other = begun.get('trained on') != trained_on or not is_same(begun['config'], config)
    if config.output.exists() and is_other:
        print(f'{config.output} is of other options or data: it is trained again', flush=True)
        shutil.rmtree(config.output)
    with atomic_file(file) as partial:
        begun = {'config': config.plain(), 'trained on': trained_on}
        partial.write_text(json.dumps(begun, indent=1) + '\n')
    start_s = time.monotonic()
    status = subprocess.run(train_command(config), check=False).returncode
    if status:
        raise ValueError(
            f'the training in {config.output} ended with status {status}, see above for its '
            'reason; the same command goes on'
        )
    print(f'trained in {time.monotonic() - start_s:.0f} s', flush=True)


def train_command(config: TrainConfig) -> list[str]:
    """Return `python -m trainer train` with all options of a configuration."""
    options = config.plain()
    sources, arguments = options.pop('data'), options.pop('trainer')
    options |= {f'trainer.{name}': value for name, value in arguments.items()}
    command = [sys.executable, '-m', 'trainer', 'train', '--data', *sources]
    for name, value in options.items():
        command += [f'--{name}', value if isinstance(value, str) else json.dumps(value)]
    return command


if __name__ == '__main__':
    sys.exit(main())
