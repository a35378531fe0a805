"""What the processes of a test leave in shared memory, whatever else on the machine uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from monodepth_ros.ros.shared_memory import FOLDER, LOCK_FILE

# Processes that a test starts inherit it, and those that they start.
OWNER_VARIABLE = 'SHARED_MEMORY_OWNER'
# Short beside the life of a process that takes part in DDS.
PERIOD_S = 0.05

# Name and inode: a name that was freed may be the next one of another process.
File = tuple[str, int]


@contextmanager
def nothing_left_in_shared_memory() -> Iterator[None]:
    """
    Raise AssertionError at the end for files that Fast DDS made in our processes and left.

    Ours are this process and those that are started meanwhile. Files are attributed when they
    appear, while their maker has their lock file open: a killed one cannot be asked any more. All
    participants of a machine share some ports, whoever made them: what others use is not left.
    """
    made: set[File] = set()
    ended = Event()
    watch = Thread(target=_watch, args=(_files(), made, ended), name='shared memory watch')
    watch.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(OWNER_VARIABLE, str(os.getpid()))
            yield
    finally:
        ended.set()
        watch.join()
    left = sorted({name for name, _ in made & _files()} - _names_of_open_locks(ours=False))
    assert not left, f'shared memory leaked: {left}'


def _watch(before: set[File], made: set[File], ended: Event) -> None:
    """Collect into made what our processes make until ended."""
    older = newer = before
    last = False
    while not last:
        last = ended.wait(PERIOD_S)
        files = _files()
        # New at one of the last two looks: at the first one its lock may not be open yet.
        if new := files - older:
            names = _names_of_open_locks(ours=True)
            made |= {file for file in new if file[0] in names}
        older, newer = newer, files


def _files() -> set[File]:
    with os.scandir(FOLDER) as entries:
        return {(entry.name, entry.inode()) for entry in entries}


def _names_of_open_locks(*, ours: bool) -> set[str]:
    """Return the names of locks open in our processes, or in others, and of what they lock."""
    names = set()
    for process in Path('/proc').glob('[0-9]*'):
        # Of another user, or gone by now.
        with suppress(OSError):
            for path in _open_files(process) if _is_ours(process) == ours else ():
                if path.parent == FOLDER and (match := LOCK_FILE.fullmatch(path.name)):
                    name = match['name']
                    names |= {name, f'{name}_el', f'{name}_sl', f'sem.{name}_mutex'}
    return names


def _is_ours(process: Path) -> bool:
    variable = f'{OWNER_VARIABLE}={os.getpid()}'.encode()
    return process.name == str(os.getpid()) or variable in (
        (process / 'environ').read_bytes().split(b'\0')
    )


def _open_files(process: Path) -> Iterator[Path]:
    for link in (process / 'fd').iterdir():
        # Closed by now.
        with suppress(FileNotFoundError):
            yield link.readlink()
