"""The desk side: recordings in, one ONNX file out. Never imports rclpy."""
