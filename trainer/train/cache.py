"""A cache of pairs in the canonical camera: a memory-mapped file that processes share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
import fcntl
import hashlib
import os
from pathlib import Path
import sys

import numpy as np
from rich.progress import track

from monodepth_ros.common.atomic import atomic_file
from trainer.datasets.sources import fingerprint
from trainer.train.pairs import CanonicalViews

# Increment it whenever CanonicalViews maps the same files to other pixels.
CACHE_VERSION = 2


class CachedViews:
    """
    The views of one sequence in a file, whose name is a hash of all that its content depends on.

    The first process that needs the file writes it while others wait; then all read it.
    Raises OSError if the disk is too small for the file.
    """

    def __init__(self, views: CanonicalViews, folder: Path) -> None:
        self.sequence = views.sequence
        self.path = folder / f'{self.sequence.path.name}-{_key(views)}.npy'
        self._rows = {name: row for row, name in enumerate(self.sequence.names)}
        with _locked(self.path):
            if not self.path.exists():
                self._write(views)

    def read(self, name: str) -> np.ndarray:
        """Return left and right view, (2, 3, H, W) uint8 RGB; black for an unusable pair."""
        # Open it each time: a memory map cannot be sent to worker processes, but its path can.
        return np.array(np.load(self.path, mmap_mode='r')[self._rows[name]])

    def _write(self, views: CanonicalViews) -> None:
        size = (len(self._rows), 2, 3, views.canonical.height, views.canonical.width)
        with atomic_file(self.path) as partial:
            array = np.lib.format.open_memmap(partial, 'w+', np.uint8, size)
            _claim(partial)

            def fill(name: str) -> None:
                try:
                    array[self._rows[name]] = views.read(name)
                except (ValueError, OSError) as error:
                    print(f'{error}; leaving it black in the cache', file=sys.stderr)

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                done = pool.map(fill, self._rows)
                for _ in track(done, f'caching {self.sequence.path.name}', len(self._rows)):
                    pass
            array.flush()


def _key(views: CanonicalViews) -> str:
    sequence = views.sequence
    written_ns = [p.stat().st_mtime_ns for name in sequence.names for p in sequence.paths(name)]
    key = (CACHE_VERSION, fingerprint([sequence]), written_ns, views.canonical)
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix('.lock').open('w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _claim(path: Path) -> None:
    """Allocate the file on disk now: a memory map on a full disk would kill the process later."""
    size = path.stat().st_size
    try:
        with path.open('r+b') as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise OSError(
            f'{path.parent} has no room for a cache of {size / 1e9:.1f} GB ({error.strerror}); '
            'free some space, choose another folder or train without `cache`'
        ) from error
