"""What a built engine depends on, and the note that is kept beside it."""

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
    All that a plan depends on: where one value differs, it is another engine.

    onnx_sha256: of the model file, in hexadecimal digits. library, library_version: what built
    the plan. gpu, compute_capability: what it runs on, such as '8.7'. options: the builder's, by
    name, as JSON has them.
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
        """Names the files; what they hold is known by the whole key."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_DIGITS]

    def changes_from(self, old: EngineKey) -> list[str]:
        """`name: old -> new` of every field and option that differs."""
        before, after = old._values(), self._values()
        return [
            f'{name}: {before.get(name, "absent")} -> {after.get(name, "absent")}'
            for name in before | after
            # An absent option is another than one of None.
            if name not in before or name not in after or before[name] != after[name]
        ]

    def _values(self) -> dict[str, object]:
        values = asdict(self)
        options = values.pop('options')
        return values | {f'option {name}': value for name, value in options.items()}


@dataclass(frozen=True)
class EngineNote:
    """
    What is written beside a plan.

    title: the model file's name. built: UTC, ISO 8601. build_s: seconds that it took.
    size_bytes, sha256: of the plan.
    """

    title: str
    key: EngineKey
    built: str
    build_s: float
    size_bytes: int
    sha256: str

    def to_json(self) -> bytes:
        """The text, which people read as well."""
        return (json.dumps(asdict(self), indent=2) + '\n').encode()

    @classmethod
    def from_json(cls, text: bytes) -> EngineNote:
        """Inverse of to_json. Raises ValueError for anything else."""
        try:
            values = json.loads(text)
            key = EngineKey(**values['key'])
            return cls(**values | {'key': replace(key, options=dict(key.options))})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'its note is damaged ({one_line(error)})') from error

    def check(self, key: EngineKey, plan: bytes) -> None:
        """Raise ValueError, saying why, unless the plan is the key's and as it was built."""
        changes = key.changes_from(self.key)
        if changes:
            raise ValueError(f'it is for another {", ".join(changes)}')
        if len(plan) != self.size_bytes:
            raise ValueError(f'it has {len(plan)} bytes, expected {self.size_bytes}')
        if hashlib.sha256(plan).hexdigest() != self.sha256:
            raise ValueError('its bytes are not those that were built')
