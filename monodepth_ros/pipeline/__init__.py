"""Prediction from images to messages, with outputs, worker and statistics; no ROS."""
