"""Files, folders and lines that are written completely or not at all, and locked folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
import fcntl
import os
from pathlib import Path
import shutil
from textwrap import shorten
import time

PARTIAL_SUFFIX = '.partial'
# Time between two attempts to take a lock that another process holds.
LOCK_POLL_S = 0.1
# Largest length of another process' command line in a message.
COMMAND_LENGTH = 160


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """
    Yield a new folder beside path; it becomes path at the end and is removed after an error.

    A partial folder that a killed process left behind is removed. Raises FileExistsError when path
    exists.
    """
    if path.exists():
        raise FileExistsError(f'{path} exists already; remove it or choose another name')
    partial = partial_path(path)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a name beside path to write to; it then becomes path, or is removed on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the current user may read, and flush it to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def partial_path(path: Path) -> Path:
    """Return the name beside path under which path is being written."""
    return path.with_name(path.name + PARTIAL_SUFFIX)


def whole_lines(path: Path) -> list[str]:
    """
    Return the complete lines of a file that append_line writes.

    A last line that a full disk cut short is removed from the file.
    """
    text = path.read_bytes() if path.exists() else b''
    whole = text[: text.rfind(b'\n') + 1]
    if whole != text:
        path.write_bytes(whole)
    return whole.decode().splitlines()


def append_line(path: Path, line: str) -> None:
    """Append a line and close the file."""
    with path.open('a') as file:
        file.write(line + '\n')


def lock_folder(folder: Path) -> int:
    """
    Lock a folder and return the file descriptor; closing it releases the lock.

    The lock ends with the process, also when the process is killed. Raises BlockingIOError, naming
    the other process, when another process holds the lock.
    """
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BlockingIOError(
            f'{_holder(folder)} writes to {folder}; wait for it, stop it or choose another folder'
        ) from error
    return lock


def _holder(folder: Path) -> str:
    """
    Return the process that holds the lock of a folder, with its command line.

    The kernel lists the processes with locks, and the holder is the one that has the folder open.
    A file with the holder's number would survive a killed process. Processes of other machines,
    containers or users stay unnamed.
    """
    with suppress(OSError):
        locks = [line.split() for line in Path('/proc/locks').read_text().splitlines()]
        for pid in {fields[4] for fields in locks if fields[1] == 'FLOCK'}:
            if any(_is_same(file, folder) for file in Path('/proc', pid, 'fd').glob('*')):
                command = Path('/proc', pid, 'cmdline').read_text(errors='replace')
                words = shorten(command.replace('\0', ' '), COMMAND_LENGTH, placeholder=' ...')
                return f'process {pid} ({words})'
    return 'another process'


def _is_same(file: Path, folder: Path) -> bool:
    """Return whether both are the same file; False for a file that was closed meanwhile."""
    try:
        return file.samefile(folder)
    except OSError:
        return False


@contextmanager
def locked_folder(folder: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """
    Hold the lock of lock_folder.

    waiting: called every LOCK_POLL_S while another process holds the lock, and may raise. Without
    it the lock raises BlockingIOError at once.
    """
    while True:
        try:
            lock = lock_folder(folder)
            break
        except BlockingIOError:
            if waiting is None:
                raise
            waiting()
            time.sleep(LOCK_POLL_S)
    try:
        yield
    finally:
        os.close(lock)
