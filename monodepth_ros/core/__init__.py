"""Arrays in, arrays out: numpy and OpenCV; no ROS, no inference engine."""
