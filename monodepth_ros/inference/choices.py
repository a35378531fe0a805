"""
Which engines and which arithmetic a user may choose, by name.

Imports nothing, for launch files and `--help` read it on machines that compute nothing.
"""

from __future__ import annotations

AUTO = 'auto'
# The fastest first, as AUTO tries them.
ENGINES = ('tensorrt', 'openvino', 'onnxruntime')
BACKENDS = (AUTO, *ENGINES)
# Of the arithmetic: as the model file has it, or in bfloat16 where the engine can.
MODEL, BFLOAT16 = 'model', 'bf16'
PRECISIONS = (MODEL, BFLOAT16)
