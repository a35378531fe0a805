"""Which intrinsics cannot be of their image."""

from __future__ import annotations

from dataclasses import replace
import re

from hypothesis import given
from hypothesis import strategies as st
import pytest

from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.core.intrinsics_check import intrinsics_fault

FULL = Intrinsics(fx=500, fy=500, cx=362.0, cy=236.0, width=720, height=480)


@pytest.mark.parametrize(
    'camera',
    [
        FULL,
        # KITTI's, KITTI raw's at full size, EuRoC's, Cityscapes' without the bonnet.
        Intrinsics(721.5377, 721.5377, 609.5593, 172.854, 1242, 375),
        Intrinsics(984.2439, 980.8141, 690.0, 233.1966, 1392, 512),
        Intrinsics(435.2, 435.2, 367.4, 252.2, 752, 480),
        Intrinsics(2262.52, 2265.3, 1096.98, 513.137, 2048, 819),
        # Anisotropic, as after a resize that does not keep the aspect.
        Intrinsics(700, 400, 319.5, 239.5, 640, 480),
        # Cropped on one side.
        FULL.cropped(left=200, top=0, width=520, height=480),
    ],
    ids=str,
)
def test_real_cameras_have_no_fault(camera):
    assert intrinsics_fault(camera) is None


@given(
    ratio=st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 4 / 5, 5 / 4, 4 / 3, 3 / 2, 2, 3])
)
def test_those_of_another_size_are_named_with_it(ratio):
    image = replace(FULL, width=round(720 * ratio), height=round(480 * ratio))
    assert '720 x 480 px; scale them' in intrinsics_fault(image)
    assert f'of {image.width} x {image.height} px' in intrinsics_fault(image)
    right = FULL.scaled_to(width=image.width, height=image.height)
    assert intrinsics_fault(right) is None


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'fx': 0.78, 'fy': 1.04, 'cx': 0.5, 'cy': 0.5}, 'look normalised'),
        ({'cx': 800.0}, 'principal point is outside the image'),
        ({'cy': -40.0}, 'principal point is outside the image'),
        # 2 atan(240 / 20) and 2 atan(360 / 20); then with 8000.
        ({'fx': 20.0, 'fy': 20.0}, r'field of view is 170 to 174 degrees, expected 5 to 170'),
        ({'fx': 8000.0, 'fy': 8000.0}, r'field of view is 3\.44 to 5\.15 degrees'),
        ({'fy': 1050.0}, r'differ by a factor of 2\.1, expected 2 at most'),
    ],
)
def test_every_fault_by_hand(changes, words):
    assert re.search(words, intrinsics_fault(replace(FULL, **changes)))
