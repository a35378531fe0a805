"""
The contenders of a comparison: networks, engines with a precision, and their start-up.

torch is imported only where it computes, so that it adds nothing to the memory and start-up of
other engines.
"""

from __future__ import annotations

from functools import partial
import os
from pathlib import Path
import sys
import time
from typing import NamedTuple

from bench.machine import cores
from bench.memory import resident_peak_mb
from monodepth_ros.common.errors import one_line
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.model_spec import self_test_image
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.choices import BFLOAT16, MODEL
from monodepth_ros.inference.load import load_backend, UnavailableError

# The folder of a network holds one checkpoint, and a model file for each precision of an export.
CHECKPOINT = 'last.ckpt'
TENSORRT, WITHOUT_GRAPH = 'tensorrt', 'tensorrt, no graph'
EAGER, COMPILED = 'torch', 'torch.compile'


class Network(NamedTuple):
    """A network, by its name for build_network, and the size of its input in px."""

    name: str
    width: int
    height: int

    @property
    def title(self) -> str:
        """Return the name for a table."""
        return f'{self.name} {self.width}x{self.height}'

    @property
    def camera(self) -> Intrinsics:
        """Return a camera of the input's size, 80 degrees wide."""
        focal_px, cx, cy = 0.6 * self.width, (self.width - 1) / 2, (self.height - 1) / 2
        return Intrinsics(focal_px, focal_px, cx, cy, self.width, self.height)


class Contender(NamedTuple):
    """An engine (of BACKENDS, or a name of this module), its precision and its device."""

    engine: str
    precision: str
    device: str = 'cpu'

    @property
    def title(self) -> str:
        """Return the name for a table."""
        return f'{self.engine} {self.precision}' + (' (GPU)' if self.device == 'cuda' else '')

    def open(self, folder: Path) -> Backend:
        """
        Open the network of a folder.

        Raises ValueError if it does not run here, RuntimeError for an error of torch.
        """
        if self.engine in (EAGER, COMPILED):
            return _open_torch(self, folder)
        if self.engine == WITHOUT_GRAPH:
            return _open_without_graph(model_file(folder, self.precision))
        chosen_precision = BFLOAT16 if self.precision == 'bf16' else MODEL
        return load_backend(
            model_file(folder, self.precision), self.engine, precision=chosen_precision, log=_log
        )


TORCH_CPU = Contender(EAGER, 'fp32')
OPENVINO, OPENVINO_INT8 = (Contender('openvino', precision) for precision in ('fp32', 'int8'))
ON_CPU = (
    TORCH_CPU,
    Contender(COMPILED, 'fp32'),
    *(Contender('onnxruntime', precision) for precision in ('fp32', 'fp16', 'int8')),
    OPENVINO,
    *(Contender('openvino', precision) for precision in ('bf16', 'fp16')),
    OPENVINO_INT8,
)
TORCH_GPU = Contender(EAGER, 'fp16', 'cuda')
TENSORRT_FP16, NO_GRAPH_FP16 = (
    Contender(name, 'fp16', 'cuda') for name in (TENSORRT, WITHOUT_GRAPH)
)
ON_GPU = (
    Contender(EAGER, 'fp32', 'cuda'),
    TORCH_GPU,
    Contender(COMPILED, 'fp16', 'cuda'),
    Contender(TENSORRT, 'fp32', 'cuda'),
    TENSORRT_FP16,
    NO_GRAPH_FP16,
    Contender(TENSORRT, 'int8', 'cuda'),
)


class StartUp(NamedTuple):
    """Seconds from the import of the engine to its first result, and peak resident memory."""

    seconds: float
    peak_mb: float


def start_up(contender: Contender, folder: Path) -> StartUp:
    """Measure the start-up in this process, in which nothing was computed before."""
    begin = time.perf_counter()
    with contender.open(folder) as backend:
        image = self_test_image(width=backend.width, height=backend.height)
        backend.infer(image)
        seconds = time.perf_counter() - begin
        backend.infer(image)
    return StartUp(seconds, resident_peak_mb())


def model_file(folder: Path, precision: str) -> Path:
    """Return the model file that is computed in this precision."""
    return folder / f'{"fp32" if precision == "bf16" else precision}.onnx'


def keep_compiled_in(folder: Path) -> None:
    """Set the caches of TensorRT and torch.compile to a folder, for later processes too."""
    os.environ['XDG_CACHE_HOME'] = str(folder / 'cache')
    os.environ['TORCHINDUCTOR_CACHE_DIR'] = str(folder / 'cache' / 'torch')


def tensorrt_problem() -> str | None:
    """Return why TensorRT does not run here, or None if it does."""
    try:
        from monodepth_ros.inference.tensorrt import cuda
        from monodepth_ros.inference.tensorrt.library import library

        problem = cuda.device_problem()
        if problem is None:
            library()
    except (ImportError, RuntimeError, ValueError) as error:
        return one_line(error)
    return problem


def _log(text: str) -> None:
    """Print a message about a build, or about a CUDA graph that could not be recorded."""
    print(text, file=sys.stderr)


def _open_torch(contender: Contender, folder: Path) -> Backend:
    import torch

    from trainer.evaluate.torch_backend import TorchEngine
    from trainer.train.checkpoint import load_exported

    if contender.device == 'cuda' and not torch.cuda.is_available():
        raise UnavailableError(f'torch {torch.__version__} sees no CUDA GPU')
    torch.set_num_threads(cores())
    model, spec = load_exported(folder / CHECKPOINT)
    if contender.precision == 'fp16':
        model.halve()
    # The size of a camera is fixed, and code compiled for one size is faster.
    made = torch.compile(model, dynamic=False) if contender.engine == COMPILED else model
    assert isinstance(made, torch.nn.Module)
    return Backend(
        contender.engine,
        spec,
        has_confidence=True,
        precision=contender.precision,
        make_engine=lambda **_: TorchEngine(made, contender.device),
    )


def _open_without_graph(path: Path) -> Backend:
    from monodepth_ros.inference.model_file import ModelFile
    from monodepth_ros.inference.tensorrt.build_options import BuildOptions
    from monodepth_ros.inference.tensorrt.builder import build_plan
    from monodepth_ros.inference.tensorrt.engine import engine_key, TensorRtEngine
    from monodepth_ros.inference.tensorrt.engine_cache import default_folder, EngineCache

    model, cache, options = ModelFile(path), EngineCache(default_folder()), BuildOptions()

    def make_engine(*, width: int, height: int) -> TensorRtEngine:
        key = engine_key(model, options=options, device=0, width=width, height=height)
        build = partial(build_plan, model, options=options, width=width, height=height)
        plan = cache.get(key, build, title=path.name, log=_log)
        return TensorRtEngine(
            plan, model, width=width, height=height, title=WITHOUT_GRAPH, graph=False
        )

    return Backend(
        TENSORRT,
        model.spec,
        has_confidence=model.has_confidence,
        precision=model.spec.precision,
        make_engine=make_engine,
    )
