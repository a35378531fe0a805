"""The whole chain on one command; the only place that imports both trainer and rclpy."""
