"""Inference with OpenVINO, the fastest engine on CPUs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
import io

import numpy as np
import openvino

from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.backend import Backend, KEPT_ENGINES, NetworkOutput, unchecked
from monodepth_ros.inference.model_file import INPUT, ModelFile

NAME = 'openvino'
DEVICE = 'CPU'
# Always set, because OpenVINO otherwise chooses bfloat16 by itself on CPUs where it is fast.
HINTS = {'fp32': 'f32', 'bf16': 'bf16'}


def open_openvino(
    model: ModelFile,
    *,
    bfloat16: bool = False,
    check: Callable[[Backend], None] = unchecked,
    kept_engines: int = KEPT_ENGINES,
) -> Backend:
    """
    Load the model on this machine's CPU.

    bfloat16: compute in bfloat16, which is faster on CPUs that support it.
    check, kept_engines: see Backend.
    Raises ValueError for a model that does not load.
    """
    precision = 'bf16' if bfloat16 and model.spec.precision == 'fp32' else model.spec.precision
    return Backend(
        NAME,
        model.spec,
        has_confidence=model.has_confidence,
        precision=precision,
        make_engine=partial(OpenVinoEngine, model, hint=HINTS.get(precision, 'f32')),
        check=check,
        kept_engines=kept_engines,
    )


@cache
def _core() -> openvino.Core:
    """
    Return the only Core of this process, which is never freed.

    OpenVINO (2026.4) gives the thread a signal stack with each Core. Freeing two in the order of
    their creation leaves the thread with freed memory, and the next signal, e.g. Ctrl-C, crashes.
    """
    return openvino.Core()


class OpenVinoEngine:
    """An Engine over one inference request."""

    def __init__(self, model: ModelFile, *, hint: str, width: int, height: int) -> None:
        try:
            graph = _core().read_model(io.BytesIO(model.data))
            graph.reshape({INPUT: [1, height, width, 3]})
            compiled = _core().compile_model(
                graph,
                DEVICE,
                {'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': hint},
            )
        # OpenVINO raises RuntimeError for nearly everything, but does not document its errors.
        except Exception as error:
            raise ValueError(
                f'{model.path} does not load in OpenVINO: {one_line(error)}; '
                'free memory, or export it again'
            ) from error
        self.facts = {'engine': f'OpenVINO {openvino.__version__}'}
        self._request = compiled.create_infer_request()
        self._outputs = model.outputs

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """Implement Engine."""
        self._request.set_tensor(INPUT, openvino.Tensor(image[None], shared_memory=True))
        for name, array in zip(self._outputs, out, strict=False):
            assert array is not None  # the model has it, so out does
            self._request.set_tensor(name, openvino.Tensor(array[None], shared_memory=True))
        self._request.start_async()

    def collect(self) -> None:
        """Implement Engine."""
        self._request.wait()

    def close(self) -> None:
        """Implement Engine."""
        del self._request
