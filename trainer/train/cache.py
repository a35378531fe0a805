"""Pairs mapped into the canonical camera once, in a memory-mapped file that processes share."""

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

# One more whenever CanonicalViews maps the same files to other pixels.
CACHE_VERSION = 2


class CachedViews:
    """
    CanonicalViews of one sequence out of a file, named after all that its content depends on.

    The first process that asks for the file writes it while others wait; afterwards all read it.
    Raises OSError when the disk is too small for it.
    """

    def __init__(self, views: CanonicalViews, folder: Path) -> None:
        self.sequence = views.sequence
        self.path = folder / f'{self.sequence.path.name}-{_key(views)}.npy'
        self._rows = {name: row for row, name in enumerate(self.sequence.names)}
        with _locked(self.path):
            if not self.path.exists():
                self._write(views)

    def read(self, name: str) -> np.ndarray:
        """Left and right view, (2, 3, H, W) uint8 RGB; black where the pair was unusable."""
        # Opened each time: a memory map does not travel to worker processes, its path does.
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
                    print(f'{error}; left black in the cache', file=sys.stderr)

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
    """Take the file's space now: on a full disk a memory map would end the process later."""
    size = path.stat().st_size
    try:
        with path.open('r+b') as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        raise OSError(
            f'{path.parent} has no room for a cache of {size / 1e9:.1f} GB ({error.strerror}); '
            'free some, choose another folder or train without `cache`'
        ) from error
