"""Whether the shared memory of a machine holds what the worker processes of a training read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import shutil

from trainer.train.config import TrainConfig
from trainer.train.stream import PREFETCH

SHARED_MEMORY = Path('/dev/shm')
# Two views of three bytes.
BYTES_PER_PIXEL = 6
# Each of the six tensors of a batch is a file of its own, of whole pages.
ROUNDING_BYTES = 6 * 4096


def needed_bytes(config: TrainConfig, *, pairs: Sequence[int], processes: int) -> int:
    """
    Return how many bytes of batches lie in shared memory at most.

    pairs: how many each loader, of training and of validation, reads; the workers of both live at
    the same time. processes: of the training on this machine, which share the pairs.
    """
    if config.workers == 0:
        return 0
    pixels = config.width * config.height * config.batch_size
    counts = [-(-count // (config.batch_size * processes)) for count in pairs if count]
    # Measured on a CPU: those that are made ahead, and the one that the training has. With a GPU
    # it is the bound: batches are copied to pinned memory as they come, unless that is slower.
    batches = sum(min(config.workers * PREFETCH, count) + 1 for count in counts)
    return processes * batches * (pixels * BYTES_PER_PIXEL + ROUNDING_BYTES)


def check_shared_memory(needed: int, folder: Path = SHARED_MEMORY) -> None:
    """Raise ValueError, with the remedy, where a folder has not so many bytes left."""
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
