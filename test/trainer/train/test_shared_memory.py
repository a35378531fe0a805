"""Shared memory that is too small for the batches of worker processes."""

from __future__ import annotations

from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from test.helpers.stereo_folders import SIZE, write_pairs
from trainer.train.config import TrainConfig
from trainer.train.shared_memory import check_shared_memory, needed_bytes

ROOT = Path(__file__).parents[3]
# A /dev/shm of one's own, of a size in bytes, as a container has one.
IN_CONTAINER = 'mount -t tmpfs -o size="$0" tmpfs /dev/shm && exec "$@"'
# 64 x 32 px, two views of 3 bytes, 4 pairs, and a page more for each of six tensors.
BATCH_BYTES = 64 * 32 * 6 * 4 + 6 * 4096


def _needed(**changes):
    config = TrainConfig(
        ('pairs',),
        Path('run'),
        batch_size=4,
        workers=changes.pop('workers', 2),
        hints=changes.pop('hints', None),
        trainer={'max_steps': 1},
        **SIZE,
    )
    return needed_bytes(config, **{'pairs': [100, 10], 'processes': 1} | changes)


def test_workers_hold_four_batches_each_and_the_training_one():
    # Of 10 pairs, 3 batches validate; 25 train, of which 8 are read ahead.
    assert _needed() == (8 + 1 + 3 + 1) * BATCH_BYTES
    assert _needed(workers=1) == (4 + 1 + 3 + 1) * BATCH_BYTES
    assert _needed(pairs=[100, 0]) == (8 + 1) * BATCH_BYTES
    # Two processes share the pairs: 2 batches of each validate.
    assert _needed(processes=2) == 2 * (8 + 1 + 2 + 1) * BATCH_BYTES
    assert _needed(workers=0) == 0
    # Two bytes more for each pixel of both views, and a page.
    assert _needed(hints='sgbm') == (8 + 1 + 3 + 1) * (BATCH_BYTES + 64 * 32 * 4 * 4 + 4096)


def test_what_suffices_is_passed_over_and_what_does_not_is_refused(tmp_path):
    free = shutil.disk_usage(tmp_path).free
    check_shared_memory(free // 2, tmp_path)
    check_shared_memory(2 * free, tmp_path / 'not of this system')
    words = r'MiB free, expected .* `--shm-size=\d+m` or `--ipc=host`, .* --workers'
    with pytest.raises(ValueError, match=words):
        check_shared_memory(2 * free, tmp_path)


def _train_with(shared_bytes, folder):
    options = [f'--{name}={value}' for name, value in SIZE.items()]
    command = [
        'unshare', '--map-root-user', '--mount', 'sh', '-c', IN_CONTAINER, str(shared_bytes),
        sys.executable, '-m', 'trainer', 'train', '--data', str(folder / 'pairs'),
        f'--output={folder / "run"}', '--network=small', '--batch_size=4', '--workers=2',
        '--trainer.max_steps=20', *options,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)


@pytest.mark.slow
def test_a_small_dev_shm_is_refused_and_what_was_asked_for_is_enough(tmp_path):
    if subprocess.run(['unshare', '--map-root-user', '--mount', 'true']).returncode:
        pytest.skip('this machine lets nobody mount a /dev/shm of their own')
    write_pairs(tmp_path / 'pairs', 110)
    needed = _needed(pairs=[99, 11])
    refused = _train_with(needed - 4096, tmp_path)
    assert refused.returncode == 1
    free, expected = (size / 2**20 for size in (needed - 4096, needed))
    assert f'/dev/shm has {free:.1f} MiB free, expected {expected:.1f} MiB' in refused.stderr
    assert not (tmp_path / 'run' / 'config.yaml').exists()
    enough = _train_with(needed, tmp_path)
    assert enough.returncode == 0, enough.stderr
