"""Names that drivers and image_transport give to the topics of one camera."""

from __future__ import annotations

import pytest

from monodepth_ros.messages.image_topics import info_beside


@pytest.mark.parametrize(
    ('image', 'info'),
    [
        ('/camera/image_raw', '/camera/camera_info'),
        ('/camera/image_raw/compressed', '/camera/camera_info'),
        ('/camera/depth/image/compressedDepth', '/camera/depth/camera_info'),
        ('camera/image_raw', 'camera/camera_info'),
        ('/image', '/camera_info'),
        ('image', 'camera_info'),
    ],
)
def test_a_camera_info_is_beside_its_images(image, info):
    assert info_beside(image) == info
