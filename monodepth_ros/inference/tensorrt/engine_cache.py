"""Built engines on disk: which of them are valid still, and how they come and go."""

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
# The only names that are ours to remove: the folder may hold other things.
NAMES = '[0-9a-f]' * DIGEST_DIGITS
# Every export is a new model, and its engine is used until the next; more are forgotten ones.
MAX_ENGINES = 16
WAITING_LINE_PERIOD_S = 10.0
WRITABLE_BY_OTHERS = 0o022


class BuildCancelled(Exception):
    """Nobody wants the engine any more."""


def default_folder() -> Path:
    """
    Where engines are kept: monodepth_ros/engines in the user's cache folder.

    That is XDG_CACHE_HOME, or ~/.cache where that is not set. Raises ValueError for a user
    without a home.
    """
    # By the XDG specification a relative path counts as none.
    caches = Path(os.environ.get('XDG_CACHE_HOME', ''))
    if not caches.is_absolute():
        try:
            caches = Path.home() / '.cache'
        except RuntimeError as error:
            raise ValueError(f'{one_line(error)} Set XDG_CACHE_HOME to a folder') from error
    return caches / 'monodepth_ros' / 'engines'


class EngineCache:
    """
    A folder of plans, each with a note, that nobody else may write to; made where missing.

    force: what is kept does not count, all is built anew. timing_file: where TensorRT may keep
    the timings that make its next build shorter. Raises ValueError for a folder that others can
    write to, since a plan is a program, and OSError for one that cannot be made.
    """

    def __init__(self, folder: Path, *, force: bool = False) -> None:
        self.folder = folder
        self.timing_file = folder / TIMINGS
        self._force = force
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f'no folder for engines ({error}); choose another one') from error
        _check_ours(folder)
        self._remove_partials()

    def get(
        self,
        key: EngineKey,
        build: Callable[[], bytes],
        *,
        title: str,
        tell: Callable[[str], None],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> bytes:
        """
        The plan of a key: the kept one where it is valid, else what build returns, then kept.

        title: the model file's name. tell: is told why it is built, and of a wait for another
        process that builds. What build raises goes through and leaves the cache as it was;
        BuildCancelled when cancelled says so during a wait.
        """
        plan, _ = self._find(key, title)
        if plan is not None:
            return plan
        with locked_folder(self.folder, self._waiting(tell, cancelled)):
            # Another process may have built it meanwhile.
            plan, why = self._find(key, title)
            if plan is None:
                tell(f'building the engine of {title}: {why}')
                start_s = time.monotonic()
                plan = build()
                self._keep(_note(key, title, plan, time.monotonic() - start_s), plan, tell)
        return plan

    def entries(self) -> list[EngineNote]:
        """The engines whose note can be read, the one used last first."""
        notes = []
        for plan in self._plans():
            with suppress(OSError, ValueError):
                notes.append(EngineNote.from_json(plan.with_suffix(NOTE).read_bytes()))
        return notes

    def clear(self) -> int:
        """Remove all engines; returns how many. Raises BlockingIOError while one is built."""
        with locked_folder(self.folder):
            plans = self._plans()
            for file in [*plans, *self.folder.glob(NAMES + NOTE)]:
                file.unlink()
            self.timing_file.unlink(missing_ok=True)
        return len(plans)

    def _find(self, key: EngineKey, title: str) -> tuple[bytes | None, str]:
        """The kept plan; or None, and why there is none."""
        if self._force:
            return None, 'a new one was asked for'
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
        with suppress(OSError):  # a cache that may only be read is of use as well
            os.utime(plan_file)
        return plan, ''

    def _why_none(self, key: EngineKey, title: str) -> str:
        """In the words of the most similar engine of the model that there is."""
        changes = [
            key.changes_from(note.key)
            for note in self.entries()
            if note.title == title or note.key.onnx_sha256 == key.onnx_sha256
        ]
        if not changes:
            return 'there is none yet'
        fewest = min(changes, key=len)
        return f'there is one for another {", ".join(fewest)}'

    def _keep(self, note: EngineNote, plan: bytes, tell: Callable[[str], None]) -> None:
        plan_file, note_file = self._files(note.key)
        try:
            # Both whole before either gets its name; killed between, the two do not fit.
            with atomic_file(note_file) as note_partial, atomic_file(plan_file) as plan_partial:
                write_private(note_partial, note.to_json())
                write_private(plan_partial, plan)
            self._forget_all_but(plan_file)
        except OSError as error:
            tell(
                f'warning: the engine is used but cannot be kept in {self.folder} '
                f'({error.strerror}), so the next start builds it again; make room there'
            )

    def _forget_all_but(self, newest: Path) -> None:
        # By the clock of a robot the newest may be the oldest.
        others = [plan for plan in self._plans() if plan != newest]
        for plan in others[MAX_ENGINES - 1 :]:
            plan.unlink()
            plan.with_suffix(NOTE).unlink(missing_ok=True)

    def _remove_partials(self) -> None:
        """What killed processes left: whoever still writes one has the lock."""
        names = (f'{NAMES}.*', TIMINGS)
        partials = [f for name in names for f in self.folder.glob(name + PARTIAL_SUFFIX)]
        if partials:
            with suppress(OSError), locked_folder(self.folder):
                for file in partials:
                    file.unlink()

    def _plans(self) -> list[Path]:
        """The one used last first."""
        used_s = {}
        for plan in self.folder.glob(NAMES + PLAN):
            with suppress(FileNotFoundError):  # another process may just have removed it
                used_s[plan] = plan.stat().st_mtime
        return sorted(used_s, key=used_s.__getitem__, reverse=True)

    def _files(self, key: EngineKey) -> tuple[Path, Path]:
        return self.folder / (key.digest + PLAN), self.folder / (key.digest + NOTE)

    def _waiting(
        self, tell: Callable[[str], None], cancelled: Callable[[], bool]
    ) -> Callable[[], None]:
        """What to do now and then during a wait."""
        start_s = time.monotonic()
        told_s = start_s - WAITING_LINE_PERIOD_S

        def waiting() -> None:
            nonlocal told_s
            now_s = time.monotonic()
            if cancelled():
                raise BuildCancelled
            if now_s - told_s >= WAITING_LINE_PERIOD_S:
                tell(
                    f'waiting for another process that builds an engine in {self.folder} '
                    f'({now_s - start_s:.0f} s)'
                )
                told_s = now_s

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
    """Raise ValueError for a file or folder that anybody else could have written."""
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
