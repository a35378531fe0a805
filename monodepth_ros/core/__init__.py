"""Computation on arrays with numpy and OpenCV; no ROS, no inference engine."""
