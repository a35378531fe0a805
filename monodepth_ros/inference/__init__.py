"""Inference engines behind one interface, one module per engine; TensorRT has its own package."""
