"""Keys of built engines, and the notes stored beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
import hashlib
import json

from monodepth_ros.common.errors import one_line

DIGEST_DIGITS = 16


@dataclass(frozen=True)
class EngineKey:
    """
    Everything that a plan depends on: another value means another engine.

    onnx_sha256: SHA-256 of the model file, in hexadecimal digits.
    library, library_version: the library that built the plan.
    gpu, compute_capability: the GPU that runs it, and its version such as '8.7'.
    options: options of the build by name, as in JSON.
    """

    onnx_sha256: str
    library: str
    library_version: str
    gpu: str
    compute_capability: str
    width: int
    height: int
    options: Mapping[str, bool | int | float | str | None]

    @property
    def digest(self) -> str:
        """Return the name of the files; their content is checked against the whole key."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]

    def changes_from(self, old: EngineKey) -> list[str]:
        """Return `name: old -> new` for every field and option that differs."""
        before, after = old._values(), self._values()
        return [
            f'{name}: {before.get(name, "absent")} -> {after.get(name, "absent")}'
            for name in before | after
            # A missing option differs from an option of None.
            if name not in before or name not in after or before[name] != after[name]
        ]

    def _values(self) -> dict[str, object]:
        values = asdict(self)
        options = values.pop('options')
        return values | {f'option {name}': value for name, value in options.items()}


@dataclass(frozen=True)
class EngineNote:
    """
    The note beside a plan.

    title: the model file's name.
    built: time of the build, UTC, ISO 8601.
    build_s: duration of the build.
    size_bytes, sha256: size and SHA-256 of the plan.
    """

    title: str
    key: EngineKey
    built: str
    build_s: float
    size_bytes: int
    sha256: str

    def to_json(self) -> bytes:
        """Return the text, which users may read too."""
        return (json.dumps(asdict(self), indent=2) + '\n').encode()

    @classmethod
    def from_json(cls, text: bytes) -> EngineNote:
        """Parse the text of to_json. Raises ValueError for any other text."""
        try:
            values = json.loads(text)
            key = EngineKey(**values['key'])
            return cls(**values | {'key': replace(key, options=dict(key.options))})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'its note is damaged ({one_line(error)})') from error

    def check(self, key: EngineKey, plan: bytes) -> None:
        """Raise ValueError, with the reason, unless the plan is the key's and undamaged."""
        changes = key.changes_from(self.key)
        if changes:
            raise ValueError(f'it is for another {", ".join(changes)}')
        if len(plan) != self.size_bytes:
            raise ValueError(f'it has {len(plan)} bytes, expected {self.size_bytes}')
        if hashlib.sha256(plan).hexdigest() != self.sha256:
            raise ValueError('its bytes are not those that were built')
