"""
Shared memory that killed processes left behind.

Fast DDS keeps a segment a participant and a port a receiver in /dev/shm, each beside a lock file
(`NAME_el`, of some ports `NAME_sl`) that its process holds with flock for as long as it lives.
After a SIGKILL the files stay: tens of megabytes, under a new name each time.

Every start removes them, because a supervisor that restarts a killed node runs no command first,
and two kills may fill the 64 MB that Docker gives to /dev/shm; it takes 0.02 ms for each segment
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
# Fast DDS 2 (Humble, Jazzy) and 3 (Kilted).
LOCK_FILE = re.compile(r'(?P<name>(fastrtps|fastdds)_([0-9a-f]{16}|port[0-9]+))_(el|sl)')
# A process makes its lock file first and locks it then; one as young as this is not looked at.
SETTLED_S = 1.0


def remove_abandoned(folder: Path = FOLDER) -> int:
    """
    Remove what Fast DDS participants left that were killed; returns how many bytes that freed.

    What a living process holds, on whichever side of a container, and what is not Fast DDS' stays.
    """
    return sum(_remove_if_abandoned(folder, name) for name in _names(folder))


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    matches = (LOCK_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted({match['name'] for match in matches if match})


def _remove_if_abandoned(folder: Path, name: str) -> int:
    """Lock files last: who opens the name meanwhile finds it locked, and takes another one."""
    locks = [path for end in ('_el', '_sl') if (path := folder / f'{name}{end}').exists()]
    contents = [folder / name, folder / f'sem.{name}_mutex']
    try:
        with ExitStack() as stack:
            for path in locks:
                stack.enter_context(_locked(path))
            return sum(_remove(path) for path in (*contents, *locks))
    # Held, of another user, or gone by now.
    except OSError:
        return 0


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an abandoned lock file. Raises OSError where it is held, new, or not what it seems."""
    # /dev/shm is open to all: a link must not lead elsewhere, nor a pipe make us wait.
    lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours, there = os.fstat(lock), path.lstat()
        if ours.st_ino != there.st_ino or time.time() - ours.st_mtime < SETTLED_S:
            raise BlockingIOError(f'{path} is being made')
        yield
    finally:
        os.close(lock)


def _remove(path: Path) -> int:
    """Remove a file that may not be there; returns the memory it took."""
    try:
        size = path.lstat().st_blocks * 512
    except FileNotFoundError:
        return 0
    path.unlink()
    return size
