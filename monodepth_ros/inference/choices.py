"""
Named choices of engines and arithmetic.

This module imports nothing: launch files and `--help` read it where no engine is installed.
"""

from __future__ import annotations

AUTO = 'auto'
TENSORRT = 'tensorrt'
# In the order in which AUTO tries them, the fastest first.
ENGINES = (TENSORRT, 'openvino', 'onnxruntime')
BACKENDS = (AUTO, *ENGINES)
# Arithmetic as in the model file, or in bfloat16 where the engine supports it.
MODEL, BFLOAT16 = 'model', 'bf16'
PRECISIONS = (MODEL, BFLOAT16)
