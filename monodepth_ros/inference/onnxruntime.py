"""Inference with ONNX Runtime on the CPU, which runs everywhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime

from monodepth_ros.common.errors import one_line
from monodepth_ros.inference.backend import Backend, KEPT_ENGINES, NetworkOutput, unchecked
from monodepth_ros.inference.model_file import FREE_SIZES, INPUT, ModelFile

NAME = 'onnxruntime'


def open_onnxruntime(
    model: ModelFile,
    *,
    check: Callable[[Backend], None] = unchecked,
    kept_engines: int = KEPT_ENGINES,
) -> Backend:
    """
    Load the model on this machine's CPU. Raises ValueError for one that does not load.

    check, kept_engines: see Backend.
    """
    return Backend(
        NAME,
        model.spec,
        has_confidence=model.has_confidence,
        precision=model.spec.precision,
        make_engine=partial(OnnxRuntimeEngine, model),
        check=check,
        kept_engines=kept_engines,
    )


class OnnxRuntimeEngine:
    """An Engine over a session; a worker thread computes, so that submit returns at once."""

    def __init__(self, model: ModelFile, *, width: int, height: int) -> None:
        options = onnxruntime.SessionOptions()
        # Errors are raised; the log would repeat them on stderr at every frame.
        options.log_severity_level = 4
        # Threads that spin between two frames take the cores from the rest of the robot.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        # A fixed size lets the runtime plan its memory and fold shapes once.
        for name, size in zip(FREE_SIZES, (height, width), strict=True):
            options.add_free_dimension_override_by_name(name, size)
        try:
            self._session = onnxruntime.InferenceSession(
                model.data, options, providers=['CPUExecutionProvider']
            )
        # onnxruntime's own exceptions share no base class short of Exception.
        except Exception as error:
            raise ValueError(
                f'{model.path} is no ONNX model that loads: {one_line(error)}; '
                'free memory, or export it again'
            ) from error
        self.facts = {'engine': f'ONNX Runtime {onnxruntime.__version__}'}
        self._outputs = model.outputs
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=NAME)
        self._running: Future[None] | None = None

    def submit(self, image: np.ndarray, out: NetworkOutput) -> None:
        """Implement Engine."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(INPUT, image[None])
        for name, array in zip(self._outputs, out, strict=False):
            assert array is not None  # the model has it, so out does
            binding.bind_output(name, 'cpu', 0, np.float32, (1, *array.shape), array.ctypes.data)
        self._running = self._worker.submit(self._session.run_with_iobinding, binding)

    def collect(self) -> None:
        """Implement Engine."""
        assert self._running is not None
        self._running.result()

    def close(self) -> None:
        """Implement Engine."""
        self._worker.shutdown()
        del self._session
