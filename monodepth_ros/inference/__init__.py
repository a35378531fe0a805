"""One small interface, one file an engine; TensorRT has a room of its own."""
