"""Which topic a node listens to for images."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.ros.session import image_source


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize(
    ('named', 'transport', 'expected'),
    [
        ('/cam/image', 'raw', (Image, '/cam/image')),
        ('/cam/image', 'compressed', (CompressedImage, '/cam/image/compressed')),
        ('/cam/image/compressed', 'raw', (CompressedImage, '/cam/image/compressed')),
        ('/cam/image/compressed', 'compressed', (CompressedImage, '/cam/image/compressed')),
        ('cam/image/compressed', 'raw', (CompressedImage, '/robot/cam/image/compressed')),
    ],
)
def test_a_topic_of_compressed_images_is_taken_for_what_it_is(context, named, transport, expected):
    remapped = ['--ros-args', '-r', f'image:={named}']
    node = Node('some', namespace='robot', cli_args=remapped, context=context)
    assert image_source(node, 'image', transport) == expected
    node.destroy_node()
