"""The interface of a loaded model, common to all engines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple, Protocol

import numpy as np

from monodepth_ros.core.bit_depth import described
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


class MakeEngine(Protocol):
    """Compile a model for one input size, in px."""

    def __call__(self, *, width: int, height: int) -> Engine: ...


def unchecked(backend: Backend) -> None:
    """Check nothing: of a backend that is proved by whoever opens it, or is the proof itself."""


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
    check: called with the backend after each engine is made, the first one included; its error
    closes that engine and undoes a resize.
    kept_engines: number of engines to keep.
    """

    def __init__(
        self,
        name: str,
        spec: ModelSpec,
        *,
        has_confidence: bool,
        precision: str,
        make_engine: MakeEngine,
        check: Callable[[Backend], None] = unchecked,
        kept_engines: int = KEPT_ENGINES,
    ) -> None:
        self.name = name
        self.spec = spec
        self.has_confidence = has_confidence
        self.precision = precision
        self._make_engine = make_engine
        self._check = check
        self._kept_engines = kept_engines
        # Engines of other sizes, the least recently used first.
        self._others: dict[tuple[int, int], Engine] = {}
        # References to the arrays of the running computation, because an engine only borrows them.
        self._pending: tuple[np.ndarray, NetworkOutput] | None = None
        self._engine: Engine | None = None
        self._shape = spec.camera.height, spec.camera.width
        self._make(self._shape)

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
        _check_array('image', image, (*self._shape, 3), np.uint8)
        out = self.empty_output() if out is None else out
        for name, array in zip(out._fields, out, strict=True):
            if array is not None:
                _check_array(name, array, self._shape, np.float32)
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
        and of the check. After any error the old size is still set.
        """
        check_size(width=width, height=height, stride=self.spec.stride)
        before, shape_before, shape = self._loaded, self._shape, (height, width)
        if shape == shape_before:
            return
        if shape in self._others:
            self._engine, self._shape = self._others.pop(shape), shape
        else:
            self._make(shape)
        self._others[shape_before] = before
        if len(self._others) >= self._kept_engines:
            self._others.pop(next(iter(self._others))).close()

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
        if self.spec.bits is not None:
            own['16-bit images of the training'] = described(self.spec.bits)
        return own | self._loaded.facts

    @property
    def width(self) -> int:
        """Return the width of the input in px."""
        return self._shape[1]

    @property
    def height(self) -> int:
        """Return the height of the input in px."""
        return self._shape[0]

    @property
    def _loaded(self) -> Engine:
        if self._engine is None:
            raise RuntimeError(f'the {self.name} backend is closed')
        return self._engine

    def _make(self, shape: tuple[int, int]) -> None:
        """Make the engine of a size (H, W) and check it; on any error the one before stays."""
        before = self._engine, self._shape
        made = self._make_engine(width=shape[1], height=shape[0])
        self._engine, self._shape = made, shape
        try:
            self._check(self)
        except BaseException:
            made.close()
            self._engine, self._shape = before
            raise


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f'got {name} of shape {array.shape} and {array.dtype}, expected {shape} and '
            f'{np.dtype(dtype)}'
        )
