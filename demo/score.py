"""The score of the output bag against a ground truth, beside a prior that ignores the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo.recorder import TOPICS
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages.decode import camera_from_info, depth_m_from_image, stamp_ns
from monodepth_ros.messages.topics import DEPTH, INFO
from monodepth_ros.storage.bag import Bag
from trainer.datasets.depth_map import DepthMap, resample
from trainer.evaluate.metrics import depth_metrics, DepthMetrics, mean_metrics

NEAR_M, FAR_M = 0.5, 80.0


@dataclass(frozen=True)
class DepthScore:
    """Metrics of the node's depth and of the prior, over the same pixels of `frames` images."""

    predicted: DepthMetrics
    prior: DepthMetrics
    valid_share: float
    frames: int

    def as_dict(self) -> dict[str, float]:
        """Return the score by the keys of summary.json."""
        return {
            'abs_rel': self.predicted.abs_rel,
            'abs_rel_prior': self.prior.abs_rel,
            'rmse_m': self.predicted.rmse_m,
            'rmse_m_prior': self.prior.rmse_m,
            'delta_1': self.predicted.delta_1,
            'delta_1_prior': self.prior.delta_1,
            'valid_share': self.valid_share,
        }


def published_depth(bag_path: Path) -> Iterator[tuple[int, str, DepthMap]]:
    """Yield stamp in ns, frame_id and depth of every frame in the node's output bag."""
    cameras: dict[int, Intrinsics] = {}
    waiting: dict[int, tuple[str, np.ndarray]] = {}
    with Bag(bag_path) as bag:
        for message in bag.messages(f'/{DEPTH}', f'/{INFO}'):
            content = message.content
            stamp = stamp_ns(content.header)
            if message.topic == f'/{INFO}':
                cameras[stamp] = camera_from_info(content, rectified=False).rectified
            else:
                waiting[stamp] = content.header.frame_id, depth_m_from_image(content)
            if stamp in cameras and stamp in waiting:
                frame_id, depth_m = waiting.pop(stamp)
                yield stamp, frame_id, DepthMap(depth_m, cameras.pop(stamp))


def score(
    output_bag: Path, true_depth: Callable[[int], DepthMap | None], prior: DepthMap
) -> DepthScore | None:
    """
    Compare every published frame with its ground truth, where the prior's camera sees too.

    The metrics are in metres, without any scaling, over pixels with NEAR_M < true < FAR_M.

    output_bag: the bag of the node's outputs.
    true_depth: function from a stamp in ns to the ground truth, or None.
    prior: depth that ignores the image.
    Returns None if no frame has a ground truth.
    """
    predicted, blind, compared, finite_count = [], [], 0, 0
    for stamp, _, published in published_depth(output_bag):
        ground_truth = true_depth(stamp)
        if ground_truth is None:
            continue
        depth_m = resample(published, ground_truth.camera)
        guess_m = resample(prior, ground_truth.camera)
        known = (
            (ground_truth.depth_m > NEAR_M) & (ground_truth.depth_m < FAR_M) & np.isfinite(guess_m)
        )
        finite = known & np.isfinite(depth_m)
        compared += int(known.sum())
        finite_count += int(finite.sum())
        if finite.any():
            predicted.append(depth_metrics(depth_m[finite], ground_truth.depth_m[finite]))
            blind.append(depth_metrics(guess_m[finite], ground_truth.depth_m[finite]))
    if not predicted:
        return None
    fraction = finite_count / compared
    return DepthScore(mean_metrics(predicted), mean_metrics(blind), fraction, len(predicted))


def near_bottom_fractions(output_bag: Path) -> dict[str, float | None]:
    """
    Return the fractions of frames that pass is_near_at_bottom, a check for a camera on a road.

    One is for the whole image, one for the middle fifth of its columns: beside the road, walls
    and parked cars are as near as the ground. Both are None without frames.
    """
    whole, ahead = [], []
    for _, _, published in published_depth(output_bag):
        width = published.camera.width
        whole.append(is_near_at_bottom(published.depth_m))
        ahead.append(is_near_at_bottom(published.depth_m[:, 2 * width // 5 : 3 * width // 5]))
    if not whole:
        return {'near_bottom_share': None, 'near_bottom_share_ahead': None}
    return {
        'near_bottom_share': float(np.mean(whole)),
        'near_bottom_share_ahead': float(np.mean(ahead)),
    }


def is_near_at_bottom(depth_m: np.ndarray) -> bool:
    """
    Return whether the median of the lowest fifth is below half that of the middle fifth.

    Depth beyond range (inf) is far. Rows without depth are left out.
    """
    rows = np.flatnonzero(~np.isnan(depth_m).all(axis=1))
    if rows.size < 5:
        return False
    fifths = np.array_split(np.arange(rows[0], rows[-1] + 1), 5)
    low, middle = (np.nanmedian(depth_m[fifth]) for fifth in (fifths[4], fifths[2]))
    return bool(low < 0.5 * middle)


def check_headers(output_bag: Path, input_bag: Path, image_topic: str) -> None:
    """Raise ValueError if a published stamp or frame_id is not that of an input image."""
    known = _headers(input_bag, image_topic)
    for topic in TOPICS:
        unknown = _headers(output_bag, f'/{topic}') - known
        if unknown:
            raise ValueError(
                f'/{topic} has {len(unknown)} stamps or frame_ids that no input image had, e.g. '
                f'{min(unknown)}; this is a fault of depth_node, please report it'
            )


def _headers(bag_path: Path, topic: str) -> set[tuple[int, str]]:
    with Bag(bag_path) as bag:
        headers = (message.content.header for message in bag.messages(topic))
        return {(stamp_ns(header), header.frame_id) for header in headers}
