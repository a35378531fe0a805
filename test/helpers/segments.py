"""What a test's own processes leave of Fast DDS' shared memory, whatever else uses the machine."""

from __future__ import annotations

from contextlib import suppress
import fcntl
import os
from pathlib import Path

from monodepth_ros.ros.shared_memory import FOLDER, LOCK_FILE

# Segments and ports whose locks a process of the tests was seen to have open.
_noted: set[str] = set()


def note_segments(pid: int) -> None:
    """Note what a process and its children have open now; none of one that has ended."""
    # A process or a file may go at any moment.
    with suppress(OSError):
        for link in Path(f'/proc/{pid}/fd').iterdir():
            with suppress(OSError):
                target = link.readlink()
                match = LOCK_FILE.fullmatch(target.name) if target.parent == FOLDER else None
                if match:
                    _noted.add(match['name'])
        for task in Path(f'/proc/{pid}/task').iterdir():
            for child in (task / 'children').read_text().split():
                note_segments(int(child))


def segments_left() -> set[str]:
    """Return the names that were noted, or are open here, which are there and nobody else's."""
    note_segments(os.getpid())
    return {name for name in _noted if (FOLDER / name).exists() and not _is_held_by_others(name)}


def _is_held_by_others(name: str) -> bool:
    """Tell whether a living process has a segment's lock, and this one does not use it."""
    if f'{FOLDER / name}\n' in Path('/proc/self/maps').read_text():
        return False
    for path in (FOLDER / f'{name}{end}' for end in ('_el', '_sl')):
        with suppress(FileNotFoundError), path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False
