"""Parts of the nodes that use rclpy."""
