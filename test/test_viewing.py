"""docs/viewing.md and what it speaks of, as far as they can be judged without a viewer."""

from __future__ import annotations

import json
from math import cos, radians, sin
from pathlib import Path
import re

import numpy as np
import pytest
import yaml

from monodepth_ros.core.colors import DepthColors

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / 'config'
OUTPUTS = {
    'depth/image_rect',
    'depth/camera_info',
    'depth/image_color',
    'depth/confidence',
    'depth/disparity',
    'depth/color_rect',
    'points',
}


@pytest.fixture(scope='module')
def rviz():
    return yaml.safe_load((CONFIG / 'monodepth.rviz').read_text())['Visualization Manager']


@pytest.fixture(scope='module')
def foxglove():
    return json.loads((CONFIG / 'foxglove.json').read_text())


def _rviz_displays(rviz):
    """Topic: the display of it."""
    return {d['Topic']['Value']: d for d in rviz['Displays'] if 'Topic' in d}


def test_rviz_shows_image_depth_and_cloud_by_relative_names(rviz):
    displays = _rviz_displays(rviz)
    assert set(displays) <= {'image'} | OUTPUTS
    shown = {topic for topic, display in displays.items() if display['Enabled']}
    assert shown == {'image', 'depth/image_color', 'points'}


def test_rviz_receives_from_cameras_of_any_reliability(rviz):
    policy = {t: d['Topic']['Reliability Policy'] for t, d in _rviz_displays(rviz).items()}
    assert policy.pop('image') == 'Best Effort'
    assert set(policy.values()) == {'Reliable'}


def test_foxglove_shows_outputs_in_panels_that_have_a_place(foxglove):
    panels = foxglove['configById']
    topics = {p['imageMode']['imageTopic'] for name, p in panels.items() if name[:6] == 'Image!'}
    for panel in panels.values():
        topics |= set(panel.get('topics', {}))
    assert topics == {'/depth/color_rect', '/depth/image_color', '/points'}
    assert topics <= {f'/{topic}' for topic in OUTPUTS}
    assert sorted(_leaves(foxglove['layout'])) == sorted(panels)


def _leaves(node):
    if isinstance(node, str):
        return [node]
    return _leaves(node['first']) + _leaves(node['second'])


def _rviz_eye(view):
    """Where an Orbit view stands, and its focal point; z is the axis that it turns about."""
    focal = np.array([view['Focal Point'][axis] for axis in 'XYZ'])
    yaw, pitch = view['Yaw'], view['Pitch']
    direction = [cos(yaw) * cos(pitch), sin(yaw) * cos(pitch), sin(pitch)]
    return focal + view['Distance'] * np.array(direction), focal


def _foxglove_eye(camera):
    """The same of a 3D panel; phi is the angle from z, theta turns clockwise about it from -y."""
    focal = np.array(camera['targetOffset'])
    phi, theta = radians(camera['phi']), radians(camera['thetaOffset'])
    direction = [-sin(phi) * sin(theta), -sin(phi) * cos(theta), cos(phi)]
    return focal + camera['distance'] * np.array(direction), focal


def test_views_stand_behind_and_above_the_camera(rviz, foxglove):
    """Ahead is z and up is -y in an optical frame; rviz2's second view has x ahead and z up."""
    camera = foxglove['configById']['3D!monodepthpoints']['cameraState']
    views = [
        (*_rviz_eye(rviz['Views']['Current']), [0, 0, 1], [0, -1, 0]),
        (*_foxglove_eye(camera), [0, 0, 1], [0, -1, 0]),
        (*_rviz_eye(rviz['Views']['Saved'][0]), [1, 0, 0], [0, 0, 1]),
    ]
    for eye, focal, ahead, up in views:
        gaze = focal - eye
        right = np.cross(ahead, up)
        np.testing.assert_allclose([eye @ right, gaze @ right], 0, atol=1e-3)
        assert eye @ ahead < 0 < focal @ ahead
        assert gaze @ up < 0 < eye @ up
        # Both programs turn their view about z, which shows at the top of it.
        top = np.array([0, 0, 1]) - gaze * gaze[2] / (gaze @ gaze)
        assert top @ up > 0


def test_the_documented_colours_are_those_of_the_node():
    text = (ROOT / 'docs' / 'viewing.md').read_text()
    rows = re.findall(r'^\| ([\d.]+) m.*`#(\w{6})`', text, re.MULTILINE)
    depth_m = np.array([[row[0] for row in rows]], np.float32)
    colors = DepthColors().paint(depth_m)[0]
    assert len(rows) == 11
    assert [color.tobytes().hex() for color in colors] == [row[1] for row in rows]
