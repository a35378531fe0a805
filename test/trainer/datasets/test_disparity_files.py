"""Disparities as KITTI stores them."""

from __future__ import annotations

import numpy as np

from test.helpers.stereo_folders import RIG
from trainer.datasets.disparity_files import is_bad, read_disparity_px, write_disparity_px


def test_what_is_written_is_read(tmp_path):
    disparity_px = np.full((RIG.height, RIG.width), np.nan, np.float32)
    disparity_px[0, :4] = 1 / 256, 12.5, 255.9, 256
    write_disparity_px(tmp_path / '0.png', disparity_px)
    read = read_disparity_px(tmp_path / '0.png', RIG)
    np.testing.assert_allclose(read[0, :3], disparity_px[0, :3], atol=1 / 512)
    # 256 px do not fit.
    assert np.isnan(read).sum() == read.size - 3


def test_a_bad_pixel_is_off_by_3_px_and_5_percent():
    true_px = np.array([10, 10, 100, 100.0])
    assert is_bad(np.array([12.9, 13, 104, 95]), true_px).tolist() == [False, True, False, True]
