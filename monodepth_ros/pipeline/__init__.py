"""From an image to messages of depth: prediction, outputs, the worker and its statistics."""
