"""One model of two rigs, which differ in baseline and lens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from demo.synthetic import make_scene, Pose, render
from monodepth_ros.core.camera import Camera, Intrinsics, StereoCalibration
from monodepth_ros.storage.pair_folder import PairFolderWriter
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.evaluate import evaluate
from trainer.train.checkpoint import RECENT
from trainer.train.config import NO_VALIDATION, TrainConfig
from trainer.train.train import train

WIDTH, HEIGHT = 128, 64
FIRST = StereoCalibration(Intrinsics(75, 75, 63.5, 31.5, WIDTH, HEIGHT), 0.3)
# Half the baseline, and a longer lens on a larger sensor, which sees all that the first one sees.
SECOND = StereoCalibration(Intrinsics(100, 100, 90, 46, 180, 94), 0.15)
SCENES, STEPS = 60, 240


def _write_scenes(path: Path, rig: StereoCalibration, seeds: range) -> Path:
    """One view of each scene, by a rig that is 1.2 m high, with exact depth."""
    writer = PairFolderWriter(path, rig)
    camera = Camera.pinhole(rig.intrinsics)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        scene = make_scene(rng)
        pose = Pose(0, 0, height_m=1.2, pitch_rad=0.06 + rng.normal(0, 0.01))
        left, right = (
            render(scene, camera, view) for view in (pose, pose.moved_right(rig.baseline_m))
        )
        writer.add(f'{seed}', left_rgb=left.rgb, right_rgb=right.rgb, stamp_ns=seed)
        writer.add_gt_depth(f'{seed}', left.depth_m)
    return path


def _abs_rel(data: Sequence[Path], output: Path, held_out: Path, *, steps: int) -> float:
    """Mean Abs Rel of a training's last five checkpoints."""
    config = TrainConfig(
        tuple(map(str, data)),
        output,
        validation=NO_VALIDATION,
        network='small',
        width=WIDTH,
        height=HEIGHT,
        batch_size=4,
        learning_rate=1e-3,
        checkpoint_every=steps // 20,
        trainer={'max_steps': steps, 'enable_progress_bar': False},
    )
    train(config)
    checkpoints = sorted((output / RECENT).iterdir())
    scores = evaluate(checkpoints, str(held_out), EvaluateConfig(cap_m=50)).scores
    return float(np.mean([score.metrics.abs_rel for score in scores.values()]))


@pytest.mark.slow
def test_a_second_rig_costs_the_first_one_at_most_a_twentieth(tmp_path):
    first = _write_scenes(tmp_path / 'first', FIRST, range(SCENES))
    second = _write_scenes(tmp_path / 'second', SECOND, range(SCENES, 2 * SCENES))
    held_out = _write_scenes(tmp_path / 'held_out', FIRST, range(1000, 1030))
    alone = _abs_rel([first], tmp_path / 'alone', held_out, steps=STEPS)
    # Half of the pairs are of each rig, so that the first one is seen as often as alone.
    both = _abs_rel([first, second], tmp_path / 'both', held_out, steps=2 * STEPS)
    print(f'Abs Rel on the first rig: {alone:.3f} alone, {both:.3f} with the second')
    assert alone < 0.4
    assert both <= 1.05 * alone
