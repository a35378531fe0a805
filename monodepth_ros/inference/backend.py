"""The interface of a loaded model, common to all engines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple, Protocol

import numpy as np

from monodepth_ros.core.model_spec import check_size, ModelSpec

# Few, because a robot has few cameras and its GPU has little memory.
KEPT_ENGINES = 4


class NetworkOutput(NamedTuple):
    """
    The output of the model for one image.

    disparity_frac: (H, W) float32 of the left view, a fraction of the canonical width
    spec.camera.width, whatever the size of the image.
    confidence: (H, W) float32 in 0..1; None if the model file has no such output.
    """

    disparity_frac: np.ndarray
    confidence: np.ndarray | None


class Engine(Protocol):
    """
    A model compiled for one input size, which computes one image at a time: submit, then collect.

    Every method may raise what the engine's library raises.

    facts: values for diagnostics, by name.
    """

    facts: dict[str, str]

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """
        Start computing an image; image and out must not be touched before collect.

        image: (H, W, 3) uint8 RGB, C-contiguous.
        out: arrays for the result, C-contiguous.
        """

    def collect(self) -> None:
        """Wait until the arrays of `out` are filled."""

    def close(self) -> None:
        """Free everything; the engine cannot be used afterwards."""


class Backend:
    """
    A model on one kind of engine, at one input size at a time; a context manager.

    The first size is that of spec.camera. The engines of the last sizes are kept, so that cameras
    with different views can take turns.

    name: the user's name for the kind of engine.
    spec: the model's description.
    has_confidence: the model computes confidence.
    precision: precision of the arithmetic.
    make_engine: compiles the model for an input size; called with width= and height=.
    kept_engines: number of engines to keep.
    """

    def __init__(
        self,
        name: str,
        spec: ModelSpec,
        *,
        has_confidence: bool,
        precision: str,
        make_engine: Callable[..., Engine],
    ) -> None:
        self.name = name
        self.spec = spec
        self.has_confidence = has_confidence
        self.precision = precision
        self._make_engine = make_engine
        self.kept_engines = KEPT_ENGINES
        self._check_resized: Callable[[Backend], None] = lambda _: None
        self._size = {'width': spec.camera.width, 'height': spec.camera.height}
        self._engine: Engine | None = make_engine(**self._size)
        # Engines of other sizes, the least recently used first.
        self._others: dict[tuple[int, int], Engine] = {}
        # References to the arrays of the running computation, because an engine only borrows them.
        self._pending: tuple[np.ndarray, NetworkOutput] | None = None

    def __enter__(self) -> Backend:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def infer(self, image: np.ndarray, out: NetworkOutput | None = None) -> NetworkOutput:
        """
        Compute one image.

        image: (H, W, 3) uint8 RGB of the input size.
        out: arrays to write to, as from empty_output; None for new ones.
        Raises ValueError for an image or arrays of another shape or dtype.
        """
        self.submit(image, out)
        return self.collect()

    def submit(self, image: np.ndarray, out: NetworkOutput | None = None) -> None:
        """Start computing as infer does; the engine uses image and out until collect."""
        if self._pending is not None:
            raise RuntimeError('submit was called twice; call collect in between')
        self._check('image', image, (*self._shape, 3), np.uint8)
        out = self.empty_output() if out is None else out
        for name, array in zip(out._fields, out, strict=True):
            if array is not None:
                self._check(name, array, self._shape, np.float32)
        pending = np.ascontiguousarray(image), out
        self._loaded.submit(*pending)
        self._pending = pending

    def collect(self) -> NetworkOutput:
        """Wait for the result of submit and return it."""
        if self._pending is None:
            raise RuntimeError('collect was called without submit; call submit first')
        # The local variable keeps the arrays alive until the engine is done, also when it fails.
        pending, self._pending = self._pending, None
        self._loaded.collect()
        return pending[1]

    def empty_output(self) -> NetworkOutput:
        """Return arrays of the input size for infer."""
        disparity_frac = np.empty(self._shape, np.float32)
        return NetworkOutput(
            disparity_frac, np.empty_like(disparity_frac) if self.has_confidence else None
        )

    def resize(self, *, width: int, height: int) -> None:
        """
        Change the input size; spec.camera.width stays the unit of disparity_frac.

        Raises ValueError unless both are multiples of spec.stride, and the errors of the engine
        and of the check set with check_resized_by. After any error the old size is still set.
        """
        size = {'width': width, 'height': height}
        check_size(**size, stride=self.spec.stride)
        if size == self._size:
            return
        before, size_before = self._loaded, self._size
        kept = self._others.pop((height, width), None)
        self._engine, self._size = kept or self._make_engine(**size), size
        if kept is None:
            try:
                self._check_resized(self)
            except BaseException:
                self._engine.close()
                self._engine, self._size = before, size_before
                raise
        self._others[size_before['height'], size_before['width']] = before
        if len(self._others) >= self.kept_engines:
            self._others.pop(next(iter(self._others))).close()

    def check_resized_by(self, check: Callable[[Backend], None]) -> None:
        """Call check(self) after each later resize; an error of the check undoes the resize."""
        self._check_resized = check

    def close(self) -> None:
        """Free everything; the backend cannot be used afterwards."""
        if self._engine is not None:
            # ExitStack closes all engines, even if one raises.
            with ExitStack() as closing:
                for engine in (self._engine, *self._others.values()):
                    closing.callback(engine.close)
                self._engine, self._others = None, {}

    @property
    def facts(self) -> dict[str, str]:
        """Return values for diagnostics, by name."""
        size = f'{self.width} x {self.height}'
        own = {'backend': self.name, 'precision': self.precision, 'network input': size}
        return own | self._loaded.facts

    @property
    def width(self) -> int:
        """Return the width of the input in px."""
        return self._size['width']

    @property
    def height(self) -> int:
        """Return the height of the input in px."""
        return self._size['height']

    @property
    def _loaded(self) -> Engine:
        if self._engine is None:
            raise RuntimeError(f'the {self.name} backend is closed')
        return self._engine

    @property
    def _shape(self) -> tuple[int, int]:
        return self.height, self.width

    @staticmethod
    def _check(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f'got {name} of shape {array.shape} and {array.dtype}, expected {shape} and '
                f'{np.dtype(dtype)}'
            )
