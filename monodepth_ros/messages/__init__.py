"""Conversion between ROS messages and arrays, without ROS."""
