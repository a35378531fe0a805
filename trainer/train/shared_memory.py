"""Check that shared memory is large enough for the batches of a training's worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import shutil

from trainer.train.config import TrainConfig
from trainer.train.stream import PREFETCH

SHARED_MEMORY = Path('/dev/shm')
# Two views of three bytes each, and their hints of two bytes each.
BYTES_PER_PIXEL, HINT_BYTES_PER_PIXEL = 6, 4
# Each of the six tensors of a batch, and that of hints, is a file of its own, with a size of whole
# pages.
TENSORS, PAGE_BYTES = 6, 4096


def needed_bytes(config: TrainConfig, *, pairs: Sequence[int], processes: int) -> int:
    """
    Return the largest number of bytes that batches take in shared memory.

    config: size of the images and batches, and number of workers.
    pairs: number of pairs of each loader, of training and of validation; the workers of both run
        at the same time.
    processes: number of processes of the training on this machine, which divide the pairs.
    """
    if config.workers == 0:
        return 0
    pixels = config.width * config.height * config.batch_size
    counts = [-(-count // (config.batch_size * processes)) for count in pairs if count]
    # Measured on a CPU: batches made in advance, and the one in use. With a GPU this is an upper
    # bound, because batches are copied to pinned memory as they arrive, unless that is slower.
    batches = sum(min(config.workers * PREFETCH, count) + 1 for count in counts)
    batch_bytes = pixels * BYTES_PER_PIXEL + TENSORS * PAGE_BYTES
    if config.hints is not None:
        batch_bytes += pixels * HINT_BYTES_PER_PIXEL + PAGE_BYTES
    return processes * batches * batch_bytes


def check_shared_memory(needed: int, folder: Path = SHARED_MEMORY) -> None:
    """Raise ValueError, with the remedy, if a folder has fewer bytes left."""
    if not folder.is_dir():
        return
    usage = shutil.disk_usage(folder)
    if needed > usage.free:
        size_mib = -(-(usage.used + needed) // 2**20)
        raise ValueError(
            f'{folder} has {usage.free / 2**20:.1f} MiB free, expected {needed / 2**20:.1f} MiB '
            f'for batches of the workers; `docker run` with `--shm-size={size_mib}m` or '
            '`--ipc=host`, or give fewer --workers (0 needs none)'
        )
