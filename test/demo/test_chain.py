"""The whole chain as a user types it, with few training steps."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from demo.score import published_depth
from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.storage.bag import Bag
from test.helpers.recordings import write_stereo_bag
from test.helpers.shared_memory_watch import nothing_left_in_shared_memory

ROOT = Path(__file__).parents[2]
KEYS = {
    'abs_rel', 'abs_rel_prior', 'rmse_m', 'delta_1', 'valid_share', 'frames_in', 'frames_out',
    'latency_ms_p50', 'latency_ms_p95', 'backend', 'train_seconds', 'model',
}  # fmt: skip
FILES = {'model.onnx', 'summary.json', 'depth.png', 'depth_bag'}


def _demo(cwd: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-m', 'demo', *arguments],
        cwd=cwd,
        env=os.environ | {'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def _stamps_and_frames(bag: Path, topic: str) -> set[tuple[int, str]]:
    with Bag(bag) as opened:
        headers = [message.content.header for message in opened.messages(topic)]
    return {(stamp_ns(header), header.frame_id) for header in headers}


@pytest.mark.slow
def test_the_procedural_demo(tmp_path):
    with nothing_left_in_shared_memory():
        result = _demo(tmp_path, '--steps', '20')
        assert result.returncode == 0, result.stdout + result.stderr
    output = tmp_path / 'out' / 'demo'
    assert {path.name for path in output.iterdir()} >= FILES
    summary = json.loads((output / 'summary.json').read_text())
    assert summary.keys() >= KEYS
    assert all(summary[key] is not None for key in KEYS)
    assert summary['frames_in'] == 120
    assert summary['frames_out'] >= 0.9 * summary['frames_in']
    assert summary['valid_share'] >= 0.95
    published = {(stamp, frame_id) for stamp, frame_id, _ in published_depth(output / 'depth_bag')}
    assert len(published) == summary['frames_out']
    sent = _stamps_and_frames(output / 'camera_bag', '/camera/image_raw/compressed')
    assert published <= sent
    assert _stamps_and_frames(output / 'depth_bag', '/points') <= sent


@pytest.mark.slow
def test_a_real_drive(tmp_path, shared_data):
    bag = shared_data / 'bags' / 'kitti_0926_drive'
    result = _demo(tmp_path, '--bag', str(bag), '--steps', '100')
    assert result.returncode == 0, result.stdout + result.stderr
    output = tmp_path / 'out' / 'kitti_0926_drive'
    assert {path.name for path in output.iterdir()} >= FILES
    assert not (tmp_path / 'out' / 'demo').exists()
    summary = json.loads((output / 'summary.json').read_text())
    # No bar here: a loaded machine may drop frames of this size.
    assert summary['frames_out'] >= 0.5 * summary['frames_in']
    assert set(summary['truth']) == {'lidar', 'sgm'}
    assert summary['near_bottom_share_ahead'] >= 0.9
    depth_m = next(published_depth(output / 'depth_bag'))[2].depth_m
    assert depth_m.shape == (512, 1392)
    assert np.isfinite(depth_m).mean() > 0.5


@pytest.mark.parametrize(
    ('changes', 'words'),
    [({'views': ('left',)}, 'no stereo pair'), ({'right_lag_ns': 50_000_000}, 'synchronised')],
)
def test_a_stage_that_fails_stops_the_demo_with_its_own_message(tmp_path, changes, words):
    bag = write_stereo_bag(tmp_path / 'bag', **changes)
    result = _demo(tmp_path, '--bag', str(bag))
    assert result.returncode == 1
    assert words in result.stderr
    assert 'Traceback' not in result.stderr
    assert list((tmp_path / 'out' / 'bag').iterdir()) == []


def test_a_recording_is_never_deleted(tmp_path):
    for path in (tmp_path / 'out' / 'mine', tmp_path / 'demo'):
        bag = write_stereo_bag(path)
        before = sorted(bag.iterdir())
        result = _demo(tmp_path, '--bag', str(bag))
        assert result.returncode == 1
        assert 'would be replaced' in result.stderr
        assert sorted(bag.iterdir()) == before


def test_a_missing_bag_is_named(tmp_path):
    result = _demo(tmp_path, '--bag', str(tmp_path / 'none'))
    assert result.returncode == 1
    assert result.stderr.count('\n') == 1
    assert 'none not found' in result.stderr
