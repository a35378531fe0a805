"""What is advised where images get lost."""

from __future__ import annotations

import pytest

from monodepth_ros.ros.silent_topic import transport_remedy


@pytest.mark.parametrize(
    ('rmw', 'words'),
    [
        ('rmw_fastrtps_cpp', 'our Fast DDS profile'),
        ('rmw_fastrtps_dynamic_cpp', 'our Fast DDS profile'),
        ('rmw_cyclonedds_cpp', 'set up rmw_cyclonedds_cpp'),
        ('rmw_zenoh_cpp', 'set up rmw_zenoh_cpp'),
    ],
)
def test_the_remedy_is_that_of_the_rmw_in_use(rmw, words):
    assert words in transport_remedy(rmw)
    assert 'docs/transport.md' in transport_remedy(rmw)
