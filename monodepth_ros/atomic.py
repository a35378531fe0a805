"""Files and folders that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import shutil

PARTIAL_SUFFIX = '.partial'


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """
    Yield a folder beside path to fill; it becomes path at the end, or goes when an error comes.

    What a killed predecessor left half-written is removed. Raises FileExistsError when path is
    there already.
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
    """Yield a name beside path to write to; it replaces path at the end, or goes on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def partial_path(path: Path) -> Path:
    """The name beside path under which it is being made."""
    return path.with_name(path.name + PARTIAL_SUFFIX)
