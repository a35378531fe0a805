"""What the demo measures against, and the image-blind guesses that stand beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rich.progress import track

from demo.score import DepthMap, FAR_M, NEAR_M
from demo.world import LIVE_CAMERA, median_depth, TRUE_DEPTH
from monodepth_ros.bag import Bag
from monodepth_ros.core.disparity import depth_from_disparity
from monodepth_ros.messages import depth_m_from_image, stamp_ns
from monodepth_ros.pair_folder import PairFolder
from trainer.data.stereo_matching import checked_disparity_px

CELL_PX = 16


def rendered_truth(bag_path: Path) -> dict[int, DepthMap]:
    """Exact depth of the live recording by stamp."""
    with Bag(bag_path) as bag:
        return {
            stamp_ns(message.content.header): DepthMap(
                depth_m_from_image(message.content), LIVE_CAMERA.rectified
            )
            for message in bag.messages(TRUE_DEPTH)
        }


def laser_truth(folder: PairFolder) -> dict[int, DepthMap]:
    """The folder's projected scans by stamp; empty where the recording had none."""
    camera = folder.calibration.intrinsics
    depths = ((stamp, folder.read_gt_depth(name)) for name, stamp in folder.stamps_ns().items())
    return {stamp: DepthMap(depth, camera) for stamp, depth in depths if depth is not None}


def matched_truth(
    folder: PairFolder, title: str, *, most: int | None = None
) -> dict[int, DepthMap]:
    """
    Left-right-checked semi-global matching of the pairs, as depth by stamp.

    most: at most so many, evenly spaced.
    """
    camera, baseline_m = folder.calibration.intrinsics, folder.calibration.baseline_m
    depths = {}
    stamps = list(folder.stamps_ns().items())
    step = 1 if most is None else -(-len(stamps) // most)
    for name, stamp in track(stamps[::step], title):
        disparity_px = checked_disparity_px(*folder.read_pair(name))
        depth_m = depth_from_disparity(disparity_px, focal_px=camera.fx, baseline_m=baseline_m)
        depths[stamp] = DepthMap(depth_m, camera)
    return depths


def cell_prior(training: dict[int, DepthMap]) -> DepthMap:
    """The median of training depth in CELL_PX x CELL_PX cells, spread over their pixels."""
    maps = list(training.values())
    camera = maps[0].camera
    cells = [_as_cells(depth.depth_m) for depth in maps]
    medians = median_depth(np.concatenate(cells, axis=0), near_m=NEAR_M, far_m=FAR_M)
    full = np.kron(medians, np.ones((CELL_PX, CELL_PX), np.float32))
    return DepthMap(full[: camera.height, : camera.width], camera)


def _as_cells(depth_m: np.ndarray) -> np.ndarray:
    """(H, W) to (CELL_PX**2, rows, columns): each cell's pixels stacked, padded with NaN."""
    height, width = depth_m.shape
    rows, columns = -(-height // CELL_PX), -(-width // CELL_PX)
    padded = np.full((rows * CELL_PX, columns * CELL_PX), np.nan, np.float32)
    padded[:height, :width] = depth_m
    cells = padded.reshape(rows, CELL_PX, columns, CELL_PX).transpose(1, 3, 0, 2)
    return cells.reshape(-1, rows, columns)
