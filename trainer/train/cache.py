"""A cache of pairs in the canonical camera: a memory-mapped file that processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from trainer.datasets.hints import Hints
from trainer.datasets.sources import fingerprint
from trainer.train.pairs import CanonicalViews

# Increment it whenever CanonicalViews maps the same files to other pixels.
CACHE_VERSION = 2

Read = Callable[[str], np.ndarray | None]


class CachedViews:
    """
    The views of one sequence in a file, and its hints, if it has any, in another one.

    The name of a file is a hash of all that its content depends on. The first process that needs a
    file writes it while others wait; then all read it. Raises OSError if the disk is too small.
    """

    def __init__(self, views: CanonicalViews, folder: Path) -> None:
        self.sequence = views.sequence
        self._rows = {name: row for row, name in enumerate(self.sequence.names)}
        size = views.canonical.height, views.canonical.width
        stem, key = folder / self.sequence.path.name, _key(views)
        self.path = stem.with_name(f'{stem.name}-{_hash(key)}.npy')
        like = np.empty((2, 3, *size), np.uint8)
        self._write_once(self.path, self.sequence.names, views.read, like)
        self._hints_path = None
        if (hints := views.hints) is not None:
            self._hints_path = stem.with_name(
                f'{stem.name}-hints-{_hash((*key, _stats(hints)))}.npy'
            )
            like = np.empty((2, *size), np.float16)
            self._write_once(self._hints_path, hints.names, views.read_hints, like)

    def read(self, name: str) -> np.ndarray:
        """Return left and right view, (2, 3, H, W) uint8 RGB; black for an unusable pair."""
        return self._row(self.path, name)

    def read_hints(self, name: str) -> np.ndarray | None:
        """Return the hints of a pair, see CanonicalViews; 0 for a pair that does not train."""
        return None if self._hints_path is None else self._row(self._hints_path, name)

    def _row(self, path: Path, name: str) -> np.ndarray:
        # Open it each time: a memory map cannot be sent to worker processes, but its path can.
        return np.array(np.load(path, mmap_mode='r')[self._rows[name]])

    def _write_once(self, path: Path, names: Sequence[str], read: Read, like: np.ndarray) -> None:
        """Write what `read` returns for each name, of the size and type of `like`."""
        with _locked(path):
            if not path.exists():
                self._write(path, names, read, like)

    def _write(self, path: Path, names: Sequence[str], read: Read, like: np.ndarray) -> None:
        with atomic_file(path) as partial:
            shape = (len(self._rows), *like.shape)
            array = np.lib.format.open_memmap(partial, 'w+', like.dtype, shape)
            _claim(partial)

            def fill(name: str) -> None:
                try:
                    array[self._rows[name]] = read(name)
                except (ValueError, OSError) as error:
                    print(f'{error}; leaving it empty in the cache', file=sys.stderr)

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                done = pool.map(fill, names)
                for _ in track(done, f'caching {self.sequence.path.name}', len(names)):
                    pass
            array.flush()


def _key(views: CanonicalViews) -> tuple[object, ...]:
    sequence = views.sequence
    written_ns = [p.stat().st_mtime_ns for name in sequence.names for p in sequence.paths(name)]
    return (CACHE_VERSION, fingerprint([sequence]), written_ns, views.canonical)


def _stats(hints: Hints) -> list[tuple[str, int, int]]:
    files = ((name, path.stat()) for name in hints.names for path in hints.paths(name))
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files]


def _hash(key: tuple[object, ...]) -> str:
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
