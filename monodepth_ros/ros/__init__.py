"""What the nodes do with rclpy."""
