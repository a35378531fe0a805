"""The ground truth in a recording of the robot's camera: lidar scans or depth images."""

from __future__ import annotations

from collections.abc import Iterator
import math
from pathlib import Path
import sys

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.choices import DEPTH_ENCODINGS
from monodepth_ros.messages.decode import image_rgb, stamp_ns
from monodepth_ros.pipeline.camera_remarks import calibration_remarks
from monodepth_ros.storage.bag import Bag, BagError
from monodepth_ros.storage.bag_cameras import camera_bits, CameraTopic, find_camera
from trainer.datasets.ground_truth_topics import (
    ground_truth_topics,
    GroundTruthTopic,
    open_ground_truth,
)
from trainer.datasets.lidar_topics import CLOUD_TYPE, TF_STATIC
from trainer.datasets.sync import nearest_images
from trainer.evaluate.config import EvaluateConfig
from trainer.evaluate.ground_truth import GroundTruthFrame, GroundTruthFrames

NS_PER_MS = 1_000_000


def bag_ground_truth(path: Path, config: EvaluateConfig) -> GroundTruthFrames:
    """
    Return the frames of a recording whose image and ground truth are stamped within a tolerance.

    Raises BagError if the recording holds no camera, no ground truth, or several of either
    without a choice in config.
    """
    if config.truth == 'improved':
        raise BagError(
            f'{path} is a recording, but --truth improved is that of KITTI raw; use --truth laser'
        )
    if config.truth == 'stereo':
        raise BagError(
            f'{path} is a recording, whose pairs are not rectified yet; make a pair folder with '
            '`python -m trainer ingest BAG -o FOLDER` and evaluate that with --truth stereo'
        )
    with Bag(path) as bag:
        camera = find_camera(bag, config.image, info=config.info)
        for remark in filter(None, (camera.remark, *calibration_remarks(camera.camera))):
            print(remark, file=sys.stderr)
        topic = _find_ground_truth(bag, camera, config.truth_topic)
        ground_truth = open_ground_truth(bag, camera, topic)
        looked_for = f'{topic} within {config.tolerance_ms:g} ms of {camera.image}'
        fraction = config.last_share - config.first_share
        max_frames = math.ceil(bag.message_count(topic) * fraction)
    return GroundTruthFrames(
        ground_truth.label, looked_for, max_frames, _frames(path, camera, ground_truth, config)
    )


def _frames(
    path: Path, camera: CameraTopic, ground_truth: GroundTruthTopic, config: EvaluateConfig
) -> Iterator[GroundTruthFrame]:
    topic, rectified = ground_truth.topic, camera.camera.rectified
    with Bag(path) as bag:
        bit_depth = BitDepth(
            camera_bits(bag, camera.image, first_share=config.first_share),
            warn=lambda text: print(f'{camera.image}: {text}', file=sys.stderr),
        )
        messages = bag.messages(
            camera.image, topic, first_share=config.first_share, last_share=config.last_share
        )
        tolerance_ns = round(config.tolerance_ms * NS_PER_MS)
        for image, message in nearest_images(messages, camera.image, tolerance_ns=tolerance_ns):
            name = str(stamp_ns(image.header))
            try:
                depth = ground_truth.read(message, image.header.frame_id, camera, rectified)
                rgb = image_rgb(image, bit_depth)
            except ValueError as error:
                raise BagError(f'{path}, {camera.image} at {name} and {topic}: {error}') from error
            if depth is not None:
                yield GroundTruthFrame(name, rgb, camera.camera, depth)


def _find_ground_truth(bag: Bag, camera: CameraTopic, topic: str | None) -> str:
    topics = ground_truth_topics(bag, camera)
    chosen = [name for name in topics if topic in (None, name)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise BagError(
            f'{bag.name} holds several ground truths: {", ".join(chosen)}; choose one with '
            '--truth_topic'
        )
    raise BagError(
        f'{bag.name} holds no ground truth{f" {topic}" if topic else ""}: looked for {CLOUD_TYPE} '
        f'that {TF_STATIC} connects with {camera.image} and for depth images '
        f'({", ".join(DEPTH_ENCODINGS)}), found {", ".join(topics) or "neither"}'
    )
