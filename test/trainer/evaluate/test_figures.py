"""What the pictures show."""

from __future__ import annotations

import numpy as np

from monodepth_ros.core.colors import DepthColors
from trainer.evaluate.figures import (
    by_distance,
    DepthPanels,
    error_distribution,
    over_frames,
    strip,
)
from trainer.evaluate.scoring import DistanceBin
from trainer.page import save_png

RGB = np.zeros((4, 6, 3), np.uint8)


def test_a_strip_has_four_pictures_a_frame_and_the_error_by_hand(tmp_path):
    true_m = np.full((4, 6), 10.0)
    true_m[0, 0] = np.inf
    figure = strip([DepthPanels(RGB, np.full((4, 6), 12.0), true_m)] * 2)
    pictures = [axis for axis in figure.axes if axis.images]
    titles = [axis.get_title() for axis in pictures[:4]]
    assert titles == ['input', 'depth', 'ground truth', 'relative error']
    assert len(pictures) == 8
    error = pictures[3].images[0].get_array()
    np.testing.assert_allclose(error[1:], 0.2)
    assert np.ma.getmaskarray(error)[0, 0] or np.isnan(error[0, 0])
    save_png(figure, str(tmp_path / 'a.png'))
    assert (tmp_path / 'a.png').read_bytes().startswith(b'\x89PNG')


def test_a_depth_has_the_colour_that_the_node_gives_it():
    depth_m = np.geomspace(0.5, 100, 24).reshape(4, 6).astype(np.float32)
    picture = strip([DepthPanels(RGB, depth_m, depth_m)]).axes[1].images[0]
    shown = picture.to_rgba(picture.get_array(), bytes=True)[..., :3]
    np.testing.assert_array_equal(shown, DepthColors().paint(depth_m))


def test_a_few_laser_points_are_dots():
    true_m = np.full((4, 6), np.nan)
    true_m[1, 2] = 5
    _, _, truth, _ = strip([DepthPanels(RGB, np.full((4, 6), 5.0), true_m)]).axes[:4]
    assert truth.collections[0].get_offsets().tolist() == [[2, 1]]


def test_the_distribution_is_in_percent():
    figure = error_distribution({'net': np.linspace(0.01, 1, 100)})
    (line,) = figure.axes[0].lines
    assert line.get_xydata()[9].tolist() == [10, 10]


def test_every_row_has_its_line_over_the_frames():
    lines = over_frames({'net': [0.1, 0.2], 'prior': [0.3, 0.4]}).axes[0].lines
    assert {line.get_label(): line.get_ydata().tolist() for line in lines} == {
        'net': [0.1, 0.2],
        'prior': [0.3, 0.4],
    }


def test_distances_show_error_bias_and_counts():
    bins = [DistanceBin(1, 4, 7, 0.2, -0.1), DistanceBin(4, 16, 5, 0.4, 0.3)]
    error, bias, counts = by_distance({'net': bins}).axes
    # Points lie in the middle of their bin, on the logarithmic axis.
    np.testing.assert_allclose(error.lines[0].get_xydata(), [[2, 0.2], [8, 0.4]])
    assert bias.lines[0].get_ydata().tolist() == [-0.1, 0.3]
    assert [bar.get_height() for bar in counts.patches] == [7, 5]
