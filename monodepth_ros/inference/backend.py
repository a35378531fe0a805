"""What the predictor needs of an inference engine, and the choice of one."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from monodepth_ros.core.model_spec import ModelSpec, self_test_image
from monodepth_ros.errors import one_line

# Mean relative difference to the stored values that fp32 arithmetic of another engine may have.
SELF_TEST_TOLERANCE = 1e-4


class NetworkOutput(NamedTuple):
    """
    What the model computes of one image.

    disparity_frac: (H, W) float32 of the left view, fraction of the canonical width
    spec.camera.width whatever the size of the image. confidence: (H, W) float32 in 0..1; None
    where the model file has no such output.
    """

    disparity_frac: np.ndarray
    confidence: np.ndarray | None


class Backend(Protocol):
    """A loaded model of one input size: first that of spec.camera."""

    name: str
    spec: ModelSpec
    has_confidence: bool

    def infer(self, image: np.ndarray) -> NetworkOutput:
        """image: (H, W, 3) uint8 RGB of the input size."""

    def resize(self, *, width: int, height: int) -> None:
        """
        Fix another input size; spec.camera.width stays the unit of disparity_frac.

        Raises ValueError unless both are multiples of spec.stride.
        """

    def close(self) -> None:
        """Free what the engine holds; the backend is of no use afterwards."""


def load_backend(model: Path | str) -> Backend:
    """
    Load a model file and prove that it computes what its ModelSpec says.

    Raises FileNotFoundError without a file, ValueError for a file that is not ours or whose
    self-test fails.
    """
    path = Path(model)
    if not path.is_file():
        raise FileNotFoundError(
            f'model {str(model)!r} not found; make one with '
            '`python -m trainer export CHECKPOINT -o model.onnx`'
        )
    # Imported here, so that a machine needs only the engine it uses.
    from monodepth_ros.inference.onnxruntime import OnnxRuntimeBackend

    backend = OnnxRuntimeBackend(path)
    _check_self_test(backend, path)
    return backend


def _check_self_test(backend: Backend, path: Path) -> None:
    test = backend.spec.self_test
    if test is None:
        raise ValueError(f'{path} holds no self-test; export it again')
    camera = backend.spec.camera
    try:
        output = backend.infer(self_test_image(width=camera.width, height=camera.height))
        got = np.array([output.disparity_frac[pixel] for pixel in test.pixels])
    # A file that is not as its spec says fails in the engine's own ways, or by an index.
    except Exception as error:
        raise ValueError(
            f'{path} does not run as its ModelSpec says: {one_line(error)}'
        ) from error
    expected = np.array(test.disparity)
    difference = float(np.mean(np.abs(got - expected) / expected))
    if not difference <= SELF_TEST_TOLERANCE:
        backend.close()
        raise ValueError(
            f'{path} computes disparities that differ by {difference:.1e} from its own self-test, '
            f'expected at most {SELF_TEST_TOLERANCE:.0e}; the file or {backend.name} is damaged'
        )
