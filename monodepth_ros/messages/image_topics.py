"""Topics of images, as drivers and image_transport name them."""

from __future__ import annotations

# What image_transport puts behind the name of an image topic for its jpeg and png images.
COMPRESSED = '/compressed'
IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')


def base_topic(image: str) -> str:
    """Return the topic that image_transport's plugins add their name to."""
    return image.removesuffix(COMPRESSED).removesuffix('/compressedDepth')


def info_beside(image: str) -> str:
    """Return the topic where a driver publishes the camera_info of an image topic."""
    namespace, slash, _ = base_topic(image).rpartition('/')
    return f'{namespace}{slash}camera_info'
