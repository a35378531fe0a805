"""Names of image topics, as drivers and image_transport choose them."""

from __future__ import annotations

# Suffix that image_transport appends to an image topic for its jpeg and png images.
COMPRESSED = '/compressed'
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')


def base_topic(image: str) -> str:
    """Return the topic to which image_transport's plugins append their name."""
    return image.removesuffix(COMPRESSED).removesuffix('/compressedDepth')


def info_beside(image: str) -> str:
    """Return the topic where a driver publishes the camera_info of an image topic."""
    namespace, slash, _ = base_topic(image).rpartition('/')
    return f'{namespace}{slash}camera_info'
