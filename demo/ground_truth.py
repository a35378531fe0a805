"""Ground truths of the demo: rendered depth, projected lidar scans, and stereo matching."""

from __future__ import annotations

from pathlib import Path

from rich.progress import track

from demo.world import LIVE_CAMERA, TRUE_DEPTH
from monodepth_ros.messages.decode import depth_m_from_image, stamp_ns
from monodepth_ros.storage.bag import Bag
from monodepth_ros.storage.pair_folder import PairFolder
from trainer.datasets.depth_map import DepthMap
from trainer.datasets.stereo_matching import checked_depth_m


def rendered_depth(bag_path: Path) -> dict[int, DepthMap]:
    """Return the exact depth of the live recording by stamp in ns."""
    with Bag(bag_path) as bag:
        return {
            stamp_ns(message.content.header): DepthMap(
                depth_m_from_image(message.content), LIVE_CAMERA.rectified
            )
            for message in bag.messages(TRUE_DEPTH)
        }


def lidar_depth(folder: PairFolder) -> dict[int, DepthMap]:
    """Return the folder's projected scans by stamp in ns; empty if the recording has none."""
    camera = folder.calibration.intrinsics
    depths = ((stamp, folder.read_gt_depth(name)) for name, stamp in folder.stamps_ns().items())
    return {stamp: DepthMap(depth, camera) for stamp, depth in depths if depth is not None}


def matched_depth(folder: PairFolder, title: str) -> dict[int, DepthMap]:
    """Return depth by stamp in ns, from semi-global matching with a left-right check."""
    calibration = folder.calibration
    return {
        stamp: DepthMap(
            checked_depth_m(*folder.read_pair(name), calibration), calibration.intrinsics
        )
        for name, stamp in track(folder.stamps_ns().items(), title)
    }
