"""Cache of built engines on disk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
import hashlib
import os
from pathlib import Path
import shlex
import time

from monodepth_ros.common.atomic import atomic_file, locked_folder, PARTIAL_SUFFIX, write_private
from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.tensorrt.engine_key import DIGEST_DIGITS, EngineKey, EngineNote

PLAN, NOTE, TIMINGS = '.engine', '.json', 'tensorrt.timings'
# Only files of such names are removed: the folder may hold other files.
NAMES = '[0-9a-f]' * DIGEST_DIGITS
# Every export needs a new engine, and older ones are rarely used again.
MAX_ENGINES = 16
WAITING_LINE_PERIOD_S = 10.0
WRITABLE_BY_OTHERS = 0o022


class BuildCancelled(Exception):
    """Error for a build that was stopped on request."""


def default_folder() -> Path:
    """
    Return the folder of the cache: monodepth_ros/engines in the user's cache folder.

    The user's cache folder is XDG_CACHE_HOME, or ~/.cache without it. Raises ValueError for a user
    without a home folder.
    """
    # The XDG specification says to ignore a relative path.
    caches = Path(os.environ.get('XDG_CACHE_HOME', ''))
    if not caches.is_absolute():
        try:
            caches = Path.home() / '.cache'
        except RuntimeError as error:
            raise ValueError(f'{one_line(error)} Set XDG_CACHE_HOME to a folder') from error
    return caches / 'monodepth_ros' / 'engines'


class EngineCache:
    """
    A folder of plans, each with a note, that no other user may write to; created if missing.

    folder: the folder.
    force: build every engine again, even if it is cached.
    timing_file: file for the timings that shorten TensorRT's next build.
    Raises ValueError for a folder that other users can write to, because a plan is a program, and
    OSError for one that cannot be created.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        self.folder = folder
        self.timing_file = folder / TIMINGS
        self._force = force
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(
                f'the folder for engines cannot be created ({error}); choose another one'
            ) from error
        _check_ours(folder)
        self._remove_partials()

    def get(
        self,
        key: EngineKey,
        build: Callable[[], bytes],
        *,
        title: str,
        log: Callable[[str], None],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bytes:
        """
        Return the plan of a key: the cached one if it is valid, else a new one from build.

        An exception of build leaves the cache as it was.

        key: everything that the plan depends on.
        build: builds the plan.
        title: the model file's name.
        log: called with why an engine is built, and while another process builds one.
        cancelled: returns True to stop waiting for another process.
        Raises BuildCancelled when cancelled.
        """
        plan, _ = self._find(key, title)
        if plan is not None:
            return plan
        with locked_folder(self.folder, self._waiting(log, cancelled)):
            # Another process may have built it during the wait.
            plan, why = self._find(key, title)
            if plan is None:
                log(f'building the engine of {title}: {why}')
                start_s = time.monotonic()
                plan = build()
                self._keep(_note(key, title, plan, time.monotonic() - start_s), plan, log)
        return plan

    def entries(self) -> list[EngineNote]:
        """Return the engines whose note can be read, the last used first."""
        notes = []
        for plan in self._plans():
            with suppress(OSError, ValueError):
                notes.append(EngineNote.from_json(plan.with_suffix(NOTE).read_bytes()))
        return notes

    def clear(self) -> int:
        """Remove all engines and return their number. Raises BlockingIOError during a build."""
        with locked_folder(self.folder):
            plans = self._plans()
            for file in [*plans, *self.folder.glob(NAMES + NOTE)]:
                file.unlink()
            self.timing_file.unlink(missing_ok=True)
        return len(plans)

    def _find(self, key: EngineKey, title: str) -> tuple[bytes | None, str]:
        """Return the cached plan and '', or None and why there is none."""
        if self._force:
            return None, 'a new one was requested'
        plan_file, note_file = self._files(key)
        if not plan_file.exists() and not note_file.exists():
            return None, self._why_none(key, title)
        try:
            for file in plan_file, note_file:
                _check_ours(file)
            plan = plan_file.read_bytes()
            EngineNote.from_json(note_file.read_bytes()).check(key, plan)
        except (OSError, ValueError) as error:
            return None, f'{plan_file.name} is not used: {one_line(error)}'
        with suppress(OSError):  # a read-only cache is useful too
            os.utime(plan_file)
        return plan, ''

    def _why_none(self, key: EngineKey, title: str) -> str:
        """Return how the most similar engine of the model differs from the key."""
        changes = [
            key.changes_from(note.key)
            for note in self.entries()
            if note.title == title or note.key.onnx_sha256 == key.onnx_sha256
        ]
        if not changes:
            return 'there is none yet'
        min_count = min(changes, key=len)
        return f'there is one for another {", ".join(min_count)}'

    def _keep(self, note: EngineNote, plan: bytes, log: Callable[[str], None]) -> None:
        plan_file, note_file = self._files(note.key)
        try:
            # Both files are complete before they are renamed. A process killed between the two
            # renames leaves a pair that does not match, which is not used.
            with atomic_file(note_file) as note_partial, atomic_file(plan_file) as plan_partial:
                write_private(note_partial, note.to_json())
                write_private(plan_partial, plan)
            self._forget_all_but(plan_file)
        except OSError as error:
            log(
                f'warning: the engine is used but cannot be stored in {self.folder} '
                f'({error.strerror}), so the next start builds it again; free space there'
            )

    def _forget_all_but(self, newest: Path) -> None:
        # A robot's clock may be wrong, so the newest plan is kept whatever its time says.
        others = [plan for plan in self._plans() if plan != newest]
        for plan in others[MAX_ENGINES - 1 :]:
            plan.unlink()
            plan.with_suffix(NOTE).unlink(missing_ok=True)

    def _remove_partials(self) -> None:
        """Remove partial files of killed processes; a process that still writes has the lock."""
        names = (f'{NAMES}.*', TIMINGS)
        partials = [f for name in names for f in self.folder.glob(name + PARTIAL_SUFFIX)]
        if partials:
            with suppress(OSError), locked_folder(self.folder):
                for file in partials:
                    file.unlink()

    def _plans(self) -> list[Path]:
        """Return the plans, the last used first."""
        used_s = {}
        for plan in self.folder.glob(NAMES + PLAN):
            with suppress(FileNotFoundError):  # another process may just have removed it
                used_s[plan] = plan.stat().st_mtime
        return sorted(used_s, key=used_s.__getitem__, reverse=True)

    def _files(self, key: EngineKey) -> tuple[Path, Path]:
        return self.folder / (key.digest + PLAN), self.folder / (key.digest + NOTE)

    def _waiting(
        self, log: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> Callable[[], None]:
        """Return a function to call during a wait: it reports, and raises BuildCancelled."""
        start_s = time.monotonic()
        logged_s = start_s - WAITING_LINE_PERIOD_S

        def waiting() -> None:
            nonlocal logged_s
            now_s = time.monotonic()
            if cancelled():
                raise BuildCancelled
            if now_s - logged_s >= WAITING_LINE_PERIOD_S:
                log(
                    f'waiting for another process that builds an engine in {self.folder} '
                    f'({now_s - start_s:.0f} s)'
                )
                logged_s = now_s

        return waiting


def _note(key: EngineKey, title: str, plan: bytes, build_s: float) -> EngineNote:
    return EngineNote(
        title=title,
        key=key,
        built=datetime.now(timezone.utc).isoformat(timespec='seconds'),
        build_s=round(build_s, 1),
        size_bytes=len(plan),
        sha256=hashlib.sha256(plan).hexdigest(),
    )


def _check_ours(path: Path) -> None:
    """Raise ValueError for a file or folder that another user could have written."""
    status = path.stat()
    if status.st_uid != os.geteuid():
        raise ValueError(
            f'{path} belongs to user {status.st_uid}, expected {os.geteuid()}, since an engine is '
            'a program; choose another folder for engines'
        )
    if status.st_mode & WRITABLE_BY_OTHERS:
        raise ValueError(
            f'{path} is writable by others (mode {status.st_mode & 0o7777:o}), and an engine is a '
            f'program; `chmod go-w {shlex.quote(str(path))}`, or choose another folder for engines'
        )
