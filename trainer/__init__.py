"""The trainer, for a desktop: recordings in, one ONNX file out, without rclpy."""
