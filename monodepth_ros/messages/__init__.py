"""ROS messages to arrays and back, without ROS."""
