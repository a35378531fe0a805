"""Recordings to pair folders."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from demo.synthetic import make_scene, Pose, render
from demo.world import LEFT_CAMERA, RIGHT_CAMERA
from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.rectifier import Rectifier
from monodepth_ros.messages.decode import stamp_ns
from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.pair_folder import PairFolder
from test.helpers.recordings import add_cloud, write_stereo_bag
from trainer.__main__ import main
from trainer.ingest.config import IngestConfig
from trainer.ingest.ingest import ingest

# The recordings of these tests are grey from black on.
DARK_TOO = IngestConfig(min_brightness=0)


def test_pairs_are_written_with_stamps_and_calibration(tmp_path):
    ingest([write_stereo_bag(tmp_path / 'bag')], tmp_path / 'pairs', DARK_TOO)
    pairs = PairFolder(tmp_path / 'pairs')
    assert pairs.calibration.baseline_m == 0.25
    assert pairs.calibration.intrinsics.fx == 60
    assert list(pairs.stamps_ns().values()) == [n * 100_000_000 for n in range(5)]
    greys = [[view[0, 0, 0] for view in pairs.read_pair(name)] for name in pairs.names]
    np.testing.assert_allclose(greys, [[10 * n, 10 * n + 5] for n in range(5)], atol=1)


def test_views_a_few_milliseconds_apart_are_one_pair(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', right_lag_ns=3_000_000, compressed=False)
    ingest([bag], tmp_path / 'pairs', DARK_TOO)
    assert len(PairFolder(tmp_path / 'pairs').names) == 5


def test_views_half_a_frame_apart_are_no_pair(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', right_lag_ns=50_000_000)
    with pytest.raises(BagError, match=r'within 5 ms \(.*\); the cameras must be synchronised'):
        ingest([bag], tmp_path / 'pairs', DARK_TOO)
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


@pytest.mark.parametrize('views', [('left', 'right'), ('right', 'left')])
def test_a_wrong_sign_of_the_baseline_is_understood_from_the_images(tmp_path, capsys, views):
    scene, pose = make_scene(np.random.default_rng([1, 1])), Pose(0, 0, 1.2, 0.0)
    camera = Camera.pinhole(Intrinsics(120, 120, 79.5, 59.5, 160, 120))
    images = {
        view: render(scene, camera, pose.moved_right(shift_m)).rgb
        for view, shift_m in zip(views, (0.0, 0.3), strict=True)
    }
    bag = write_stereo_bag(
        tmp_path / 'bag',
        frames=1,
        baseline_m=-0.3,
        focal_px=120,
        image_of=lambda view, _: images[view],
    )
    if views[0] == 'left':
        assert ingest([bag], tmp_path / 'pairs', DARK_TOO).calibrations[0].baseline_m == 0.3
        assert 'its sign is wrong; using -36' in capsys.readouterr().out
    else:
        with pytest.raises(BagError, match='left and right are swapped'):
            ingest([bag], tmp_path / 'pairs', DARK_TOO)
        assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_a_wrong_sign_that_the_images_do_not_settle_is_refused(tmp_path):
    bag = write_stereo_bag(tmp_path / 'bag', baseline_m=-0.25)
    with pytest.raises(BagError, match=r'P\[3\] of the right camera is 15, .* do not show'):
        ingest([bag], tmp_path / 'pairs', DARK_TOO)


def test_two_distorted_cameras_become_the_views_of_two_pinhole_cameras():
    scene, pose = make_scene(np.random.default_rng([1, 1])), Pose(0, 0, 1.2, 0.06)
    rectifier = Rectifier(LEFT_CAMERA, RIGHT_CAMERA)
    pinhole = Camera.pinhole(rectifier.calibration.intrinsics)
    for raw, to_rectified, shift_m in (
        (LEFT_CAMERA, rectifier.views[0], 0.0),
        (RIGHT_CAMERA, rectifier.views[1], rectifier.calibration.baseline_m),
    ):
        there = pose.moved_right(shift_m)
        got = to_rectified.warp(render(scene, raw, there).rgb).astype(float)
        expected = render(scene, pinhole, there).rgb.astype(float)
        shifted = np.roll(expected, 2, axis=1)
        # Resampled texture is a little blurred; two pixels off it is another picture.
        assert np.abs(got - expected).mean() < 0.5 * np.abs(got - shifted).mean()
        assert np.abs(got - expected).mean() < 4


def test_the_demo_rig_has_no_black_border_to_crop():
    camera = Rectifier(LEFT_CAMERA, RIGHT_CAMERA).calibration.intrinsics
    assert (camera.width, camera.height) == (512, 192)


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({'views': ('left',)}, 'no stereo pair'),
        ({'with_info': False}, 'record it too'),
        ({'focal_px': 0.0}, 'calibrate the camera'),
    ],
)
def test_the_command_says_one_line_and_leaves_nothing(tmp_path, capsys, changes, words):
    bag = write_stereo_bag(tmp_path / 'bag', **changes)
    assert main(['ingest', str(bag), '-o', str(tmp_path / 'pairs')]) == 1
    error = capsys.readouterr().err
    assert error.count('\n') == 1
    assert words in error
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_the_command_does_not_overwrite(tmp_path, capsys):
    bag = write_stereo_bag(tmp_path / 'bag')
    command = ['ingest', str(bag), '-o', str(tmp_path / 'pairs')]
    assert main(command) == 0
    assert main(command) == 1
    assert 'exists already' in capsys.readouterr().err


AHEAD_3_M = np.array([[0, 0, 3.0]])


def test_a_cloud_without_tf_is_left_out_and_said(tmp_path, capsys):
    bag = write_stereo_bag(tmp_path / 'bag', extra=lambda bag: add_cloud(bag, 'radar', AHEAD_3_M))
    ingest([bag], tmp_path / 'pairs', DARK_TOO)
    assert '/radar/points is left out: /tf_static does not connect' in capsys.readouterr().out
    assert not (tmp_path / 'pairs' / 'gt_depth').exists()


def test_a_cloud_in_the_cameras_frame_becomes_true_depth(tmp_path):
    bag = write_stereo_bag(
        tmp_path / 'bag', extra=lambda bag: add_cloud(bag, 'left_optical_frame', AHEAD_3_M)
    )
    ingest([bag], tmp_path / 'pairs', DARK_TOO)
    depth_m = PairFolder(tmp_path / 'pairs').read_gt_depth('000000')
    assert depth_m[24, 32] == 3  # the principal point, 31.5 and 23.5, rounded to even


def test_a_fraction_that_cannot_be_is_refused(tmp_path, capsys):
    bag = write_stereo_bag(tmp_path / 'bag')
    command = ['ingest', str(bag), '-o', str(tmp_path / 'pairs')]
    assert main([*command, '--first_share=0.6', '--last_share=0.5']) == 1
    assert 'expected 0 <= first_share < last_share <= 1' in capsys.readouterr().err


def _rotated(points, q):
    """Points (N, 3) turned by a quaternion, as v + 2w (u x v) + 2 u x (u x v)."""
    u = np.array([q.x, q.y, q.z])
    return points + 2 * q.w * np.cross(u, points) + 2 * np.cross(u, np.cross(u, points))


def test_the_real_truth_is_that_of_an_independent_projection(tmp_path, shared_data):
    source = shared_data / 'bags' / 'kitti_0926_drive'
    ingest([source], tmp_path / 'pairs', IngestConfig(last_share=0.03))
    pairs = PairFolder(tmp_path / 'pairs')
    name = next(name for name in pairs.names if pairs.read_gt_depth(name) is not None)
    stamp = pairs.stamps_ns()[name]
    with Bag(source) as bag:
        (tf,) = [t for m in bag.messages('/tf_static') for t in m.content.transforms]
        info = next(bag.messages('/stereo/left/camera_info')).content
        scans = (m.content for m in bag.messages('/velodyne/points', last_share=0.05))
        scan = min(scans, key=lambda scan: abs(stamp_ns(scan.header) - stamp))
    raw = np.frombuffer(scan.data, np.float32).reshape(-1, scan.point_step // 4)[:, :3]
    t = tf.transform.translation
    camera = _rotated(raw.astype(float), tf.transform.rotation) + np.array([t.x, t.y, t.z])
    rectified = camera @ info.r.reshape(3, 3).T
    rectified = rectified[rectified[:, 2] > 0.1]
    # The crop's camera, by OpenCV's own projection.
    k = pairs.calibration.intrinsics.matrix()
    pixels = np.rint(cv2.projectPoints(rectified, np.zeros(3), np.zeros(3), k, None)[0][:, 0])
    expected_m = {}
    for (u, v), z in zip(pixels.astype(int).tolist(), rectified[:, 2], strict=True):
        expected_m[v, u] = min(z, expected_m.get((v, u), np.inf))
    truth_m = pairs.read_gt_depth(name)
    height, width = truth_m.shape
    inside = {at: z for at, z in expected_m.items() if 0 <= at[0] < height and 0 <= at[1] < width}
    assert np.isfinite(truth_m).sum() == len(inside) > 10_000
    errors = [abs(truth_m[at] - z) for at, z in inside.items()]
    assert max(errors) <= 0.5 / 256 + 1e-4


def test_the_real_drive_has_metric_truth(tmp_path, shared_data):
    """Checked matching of the rectified pairs agrees with the projected scans."""
    from trainer.datasets.stereo_matching import checked_disparity_px

    bag = shared_data / 'bags' / 'kitti_0926_drive'
    ingest([bag], tmp_path / 'pairs', IngestConfig(last_share=0.06))
    pairs = PairFolder(tmp_path / 'pairs')
    calibration = pairs.calibration
    scanned = [name for name in pairs.names if pairs.read_gt_depth(name) is not None]
    assert scanned
    errors = []
    for name in scanned:
        disparity_px = checked_disparity_px(*pairs.read_pair(name))
        laser_px = calibration.intrinsics.fx * calibration.baseline_m / pairs.read_gt_depth(name)
        error = np.abs(disparity_px - laser_px)
        errors.append(error[np.isfinite(error)])
    assert np.median(np.concatenate(errors)) < 0.7
