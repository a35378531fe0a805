"""
A GPU that is not there, to be pretended in a process of its own.

TensorRT-RTX builds the plan all the same, for a GPU that is named here; only what a GPU would do
with the plan is done by ONNX Runtime.
"""

from __future__ import annotations

from monodepth_ros.inference.onnxruntime import OnnxRuntimeEngine
from monodepth_ros.inference.tensorrt import cuda, engine


def pretend_gpu() -> None:
    """From now on this process sees one."""
    cuda.device_problem = lambda index=0: None
    cuda.device = lambda index=0: cuda.Device('Test GPU', '8.9', False)
    cuda.use_device = lambda index: None
    engine.TensorRtEngine = lambda plan, model, *, width, height, **_: OnnxRuntimeEngine(
        model, width=width, height=height
    )
