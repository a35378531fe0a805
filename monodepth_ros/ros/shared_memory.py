"""
Removal of shared memory that killed processes left behind.

Fast DDS keeps one segment per participant and one port per receiver in /dev/shm, each with a lock
file (`NAME_el`, for some ports `NAME_sl`) that the process holds with flock while it lives. After
a SIGKILL the files stay: tens of megabytes, under a new name each time.

Every start removes them, because a supervisor that restarts a killed node runs no command first,
and two kills may fill the 64 MB that Docker gives to /dev/shm. It takes 0.02 ms for each segment
or port of a living process, and 0.15 ms for each megabyte that it frees.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, ExitStack
import fcntl
import os
from pathlib import Path
import re
import time

FOLDER = Path('/dev/shm')
# Lock files of Fast DDS 2 (Humble, Jazzy) and 3 (Kilted).
LOCK_FILE = re.compile(r'(?P<name>(fastrtps|fastdds)_([0-9a-f]{16}|port[0-9]+))_(el|sl)')
# A process creates its lock file before it locks it, so files younger than this are skipped.
SETTLED_S = 1.0


def remove_abandoned(folder: Path = FOLDER) -> int:
    """
    Remove the files of killed Fast DDS participants; return how many bytes that freed.

    Files that a living process holds, inside or outside of a container, and other files stay.
    """
    return sum(_remove_if_abandoned(folder, name) for name in _names(folder))


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    matches = (LOCK_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted({match['name'] for match in matches if match})


def _remove_if_abandoned(folder: Path, name: str) -> int:
    """
    Remove the files of a name, its lock files last; return how many bytes that freed.

    The lock files are held until the end: a process that opens the name meanwhile finds it locked,
    and takes another name.
    """
    locks = [path for end in ('_el', '_sl') if (path := folder / f'{name}{end}').exists()]
    contents = [folder / name, folder / f'sem.{name}_mutex']
    try:
        with ExitStack() as stack:
            for path in locks:
                stack.enter_context(_locked(path))
            return sum(_remove(path) for path in (*contents, *locks))
    # The file is held, belongs to another user, or was removed meanwhile.
    except OSError:
        return 0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an abandoned lock file. Raises OSError if it is held, new, or was replaced."""
    # Every user can write to /dev/shm: do not follow a link, and do not wait for a pipe.
    lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours, there = os.fstat(lock), path.lstat()
        if ours.st_ino != there.st_ino or time.time() - ours.st_mtime < SETTLED_S:
            raise BlockingIOError(f'{path} is being created')
        yield
    finally:
        os.close(lock)


def _remove(path: Path) -> int:
    """Remove a file, if it exists; return how much memory it took."""
    try:
        size = path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0
    path.unlink()
    return size
