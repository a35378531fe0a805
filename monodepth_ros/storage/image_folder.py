"""The image files of a folder: their order, and the files that are skipped."""

from __future__ import annotations

from collections import Counter, defaultdict
import os
from pathlib import Path
import re
from typing import NamedTuple

from monodepth_ros.common.errors import warn_once
from monodepth_ros.storage.image_files import IMAGE_SUFFIXES

# macOS stores a file's attributes beside it on disks of other systems, with the same suffix.
MACOS_PREFIX = '._'


class FolderImages(NamedTuple):
    """
    The image files of a folder by name.

    folder: the folder.
    files: files in natural order of their names.
    passed_over: names of files that cannot be read.
    """

    folder: Path
    files: dict[str, Path]
    passed_over: set[str]


def find_images(folder: Path, ending: str = '') -> FolderImages:
    """
    Find the images of a folder by the part of their name before `ending`; none without a folder.

    Files with an image's suffix that cannot be read give one warning. Raises ValueError when two
    files differ in the suffix only.
    """
    files: dict[str, Path] = {}
    passed_over: set[str] = set()
    faults: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() not in IMAGE_SUFFIXES or not path.stem.endswith(ending):
            continue
        name = path.stem.removesuffix(ending)
        if fault := _fault(path):
            faults[fault].append(path.name)
            passed_over.add(name)
            continue
        if name in files:
            raise ValueError(
                f'{folder} holds {files[name].name} and {path.name}, expected one image of a '
                'name; remove the other'
            )
        files[name] = path
    if faults:
        warn_once(f'{folder}: passed over {_described(faults)}')
    in_order = {name: files[name] for name in sorted(files, key=natural_order)}
    return FolderImages(folder, in_order, passed_over - files.keys())


def find_in_folders(root: Path, pattern: str) -> list[Path]:
    """
    Find the files that match `*/NAME` or `*/*/NAME` below a folder, in natural order.

    Folders on the way without permission give one warning, because their frames are missing.
    """
    above = pattern.split('/')[:-1]
    for depth in range(1, len(above) + 1):
        for folder in root.glob('/'.join(above[:depth])):
            if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
                warn_once(f'{folder}: passed over, without permission to read it')
    return sorted(root.glob(pattern), key=natural_order)


def natural_order(path: Path | str) -> tuple[list[list[str | int]], str]:
    """Return a key that sorts names or paths with numbers by value: 1, 2, 10."""
    # Texts and numbers alternate, so that a text is never compared with a number.
    parts = [re.split('([0-9]+)', part) for part in Path(path).parts]
    return [[int(p) if n % 2 else p for n, p in enumerate(part)] for part in parts], str(path)


def other_files(folder: Path) -> str:
    """Return how many files of which kinds a folder holds, for an error where none is an image."""
    suffixes = [path.suffix.lower() for path in folder.glob('*') if path.is_file()]
    counts = Counter(suffix for suffix in suffixes if suffix not in IMAGE_SUFFIXES)
    found = ', '.join(f'{n} {suffix or "without a suffix"}' for suffix, n in counts.items())
    return f', but files of kinds that are not read ({found})' if found else ''


def _fault(path: Path) -> str | None:
    """Return why a file cannot be read as an image; None if it may be one."""
    if path.name.startswith(MACOS_PREFIX):
        return 'attributes of macOS'
    if not path.is_file():
        return 'folder or device' if path.exists() else 'dangling link'
    readable = os.access(path, os.R_OK, effective_ids=True)
    return None if readable else 'without permission to read it'


def _described(faults: dict[str, list[str]]) -> str:
    return ', '.join(f'{len(names)} x {why} (e.g. {names[0]})' for why, names in faults.items())
