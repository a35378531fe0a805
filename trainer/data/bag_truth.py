"""The truth in a recording of the robot's own camera: laser scans or depth images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import math
from pathlib import Path
from typing import Any

from monodepth_ros.bag import Bag, BagError, CameraTopic, IMAGE_TYPES
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages import DEPTH_ENCODINGS, depth_m_from_image, image_rgb, stamp_ns
from trainer.data.scans import (
    CLOUD_TYPE,
    frame_id_of,
    scan_depth_m,
    scan_topics,
    static_transforms,
    TF_STATIC,
)
from trainer.data.sync import nearest_images
from trainer.data.truth import TruthFrame, TruthFrames
from trainer.depth_map import DepthMap
from trainer.evaluate_config import EvaluateConfig

NS_PER_MS = 1_000_000
# A message of the truth's topic to depth; the image's frame_id says which camera.
ReadTruth = Callable[[Any, str], DepthMap | None]


def bag_truth(path: Path, config: EvaluateConfig) -> TruthFrames:
    """
    The frames of a recording whose image and truth are stamped within the tolerance.

    Raises BagError when it holds no camera, no truth, or several of either and none is named.
    """
    if config.truth == 'stereo':
        raise BagError(
            f'{path} is a recording, whose pairs are not rectified yet; make a pair folder with '
            '`python -m trainer ingest BAG -o FOLDER` and evaluate that with --truth stereo'
        )
    with Bag(path) as bag:
        depth_topics = _depth_topics(bag)
        camera = _find_camera(bag, config.image, depth_topics)
        topic = _find_truth(bag, camera, config.truth_topic, depth_topics)
        if topic in depth_topics:
            label, read_truth = f'{topic} (depth image)', _depth_reader(bag, camera, topic)
        else:
            label, read_truth = f'{topic} (laser)', _scan_reader(bag, camera)
        looked_for = f'{topic} within {config.tolerance_ms:g} ms of {camera.image}'
        share = config.last_share - config.first_share
        most = math.ceil(bag.message_count(topic) * share)
    return TruthFrames(label, looked_for, most, _frames(path, camera, topic, read_truth, config))


def _frames(
    path: Path, camera: CameraTopic, topic: str, read_truth: ReadTruth, config: EvaluateConfig
) -> Iterator[TruthFrame]:
    with Bag(path) as bag:
        messages = bag.messages(
            camera.image, topic, first_share=config.first_share, last_share=config.last_share
        )
        tolerance_ns = round(config.tolerance_ms * NS_PER_MS)
        for image, message in nearest_images(messages, camera.image, tolerance_ns=tolerance_ns):
            name = str(stamp_ns(image.header))
            try:
                truth, rgb = read_truth(message, image.header.frame_id), image_rgb(image)
            except ValueError as error:
                raise BagError(f'{path}, {camera.image} at {name} and {topic}: {error}') from error
            if truth is not None:
                yield TruthFrame(name, rgb, camera.camera, truth)


def _scan_reader(bag: Bag, camera: CameraTopic) -> ReadTruth:
    transforms = static_transforms(bag)
    rectified = camera.camera.rectified

    def read(scan: Any, frame_id: str) -> DepthMap | None:
        depth_m = scan_depth_m(
            scan,
            frame_id=frame_id,
            camera=camera,
            intrinsics=rectified,
            transforms=transforms,
        )
        return None if depth_m is None else DepthMap(depth_m, rectified)

    return read


def _depth_reader(bag: Bag, camera: CameraTopic, topic: str) -> ReadTruth:
    frames = frame_id_of(bag, topic), frame_id_of(bag, camera.image)
    if frames[0] != frames[1]:
        raise BagError(
            f'{bag.path}: depth topic {topic} is in frame {frames[0]!r}, {camera.image} in '
            f'{frames[1]!r}, expected one frame; record the depth that is aligned to the camera'
        )
    intrinsics = _depth_intrinsics(bag, camera, topic)

    def read(image: Any, _: str) -> DepthMap:
        if (image.width, image.height) != (intrinsics.width, intrinsics.height):
            raise ValueError(
                f'the depth image is {image.width} x {image.height}, expected {intrinsics.width} '
                f'x {intrinsics.height} as its camera_info says'
            )
        return DepthMap(depth_m_from_image(image), intrinsics)

    return read


def _depth_intrinsics(bag: Bag, camera: CameraTopic, topic: str) -> Intrinsics:
    """Those of its camera_info, or of the rectified camera where it has none and fits."""
    for other in bag.cameras():
        if other.image == topic:
            return other.camera.rectified
    first = next(bag.messages(topic)).content
    rectified = camera.camera.rectified
    if (first.width, first.height) != (rectified.width, rectified.height):
        raise BagError(
            f'{bag.path}: depth topic {topic} is {first.width} x {first.height} without a '
            f'camera_info, {camera.image} {rectified.width} x {rectified.height}; record the '
            "depth's camera_info too"
        )
    return rectified


def _depth_topics(bag: Bag) -> list[str]:
    topics = []
    for topic in bag.topics_of_type(IMAGE_TYPES[0]):
        first = next(bag.messages(topic), None)
        if first is not None and first.content.encoding in DEPTH_ENCODINGS:
            topics.append(topic)
    return topics


def _find_camera(bag: Bag, image: str | None, depth_topics: list[str]) -> CameraTopic:
    cameras = [camera for camera in bag.cameras() if camera.image not in depth_topics]
    chosen = [camera for camera in cameras if image in (None, camera.image)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ', '.join(camera.image for camera in chosen)
        raise BagError(f'{bag.path} holds several cameras: {names}; name one with --image')
    images = sorted(set(bag.topics_of_type(*IMAGE_TYPES)) - set(depth_topics))
    usable = ', '.join(camera.image for camera in cameras) or 'none'
    raise BagError(
        f'{bag.path} holds no {image or "image topic"} with the camera_info of a calibrated '
        f'camera beside it: image topics are {", ".join(images) or "none"}, with camera_info '
        f'{usable}; record the camera_info too'
    )


def _find_truth(bag: Bag, camera: CameraTopic, topic: str | None, depth_topics: list[str]) -> str:
    topics = [*scan_topics(bag, camera, static_transforms(bag)), *depth_topics]
    chosen = [name for name in topics if topic in (None, name)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise BagError(
            f'{bag.path} holds several truths: {", ".join(chosen)}; name one with --truth_topic'
        )
    raise BagError(
        f'{bag.path} holds no truth{f" {topic}" if topic else ""}: looked for {CLOUD_TYPE} that '
        f'{TF_STATIC} connects with {camera.image} and for depth images '
        f'({", ".join(DEPTH_ENCODINGS)}), found {", ".join(topics) or "neither"}'
    )
