"""The image files of a folder: which there are, in which order, and which are passed over."""

from __future__ import annotations

from collections import Counter, defaultdict
import os
from pathlib import Path
import re
from typing import NamedTuple

from monodepth_ros.common.errors import warn_once
from monodepth_ros.storage.image_files import IMAGE_SUFFIXES

# macOS keeps a file's attributes beside it on disks of other systems, under the file's suffix.
MACOS_PREFIX = '._'


class FolderImages(NamedTuple):
    """
    The image files of a folder by name.

    files: in natural order. passed_over: names of files that cannot be read.
    """

    folder: Path
    files: dict[str, Path]
    passed_over: set[str]


def find_images(folder: Path, ending: str = '') -> FolderImages:
    """
    Find the images of a folder, by the part of their name before `ending`; none without a folder.

    What is named like an image and cannot be read is said, once. Raises ValueError when two files
    have the same name but for the suffix.
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
    Find what matches `*/NAME` or `*/*/NAME` below a folder, in natural order.

    Folders on the way there without permission are said, once: their frames are missing.
    """
    above = pattern.split('/')[:-1]
    for depth in range(1, len(above) + 1):
        for folder in root.glob('/'.join(above[:depth])):
            if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
                warn_once(f'{folder}: passed over, without permission to read it')
    return sorted(root.glob(pattern), key=natural_order)


def natural_order(path: Path | str) -> tuple[list[list[str | int]], str]:
    """Return a key that sorts names, or paths, by their numbers as numbers: 1, 2, 10."""
    # Texts and numbers alternate, so that a text never meets a number.
    parts = [re.split('([0-9]+)', part) for part in Path(path).parts]
    return [[int(p) if p.isdecimal() else p for p in part] for part in parts], str(path)


def other_files(folder: Path) -> str:
    """Return how many files of which kinds a folder holds, for an error where none is an image."""
    suffixes = [path.suffix.lower() for path in folder.glob('*') if path.is_file()]
    counts = Counter(suffix for suffix in suffixes if suffix not in IMAGE_SUFFIXES)
    found = ', '.join(f'{n} {suffix or "without a suffix"}' for suffix, n in counts.items())
    return f', but files of kinds that are not read ({found})' if found else ''


def _fault(path: Path) -> str | None:
    """Return why a file cannot be an image that is read; None if it may be one."""
    if path.name.startswith(MACOS_PREFIX):
        return 'attributes of macOS'
    if not path.is_file():
        return 'folder or device' if path.exists() else 'dangling link'
    readable = os.access(path, os.R_OK, effective_ids=True)
    return None if readable else 'without permission to read it'


def _described(faults: dict[str, list[str]]) -> str:
    return ', '.join(f'{len(names)} x {why} (e.g. {names[0]})' for why, names in faults.items())
