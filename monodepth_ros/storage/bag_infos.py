"""Matching of camera_info topics to the image topics of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.messages.decode import image_pixels, size_of_images
from monodepth_ros.messages.image_topics import base_topic, IMAGE_TYPES, info_beside
from monodepth_ros.storage.bag import Bag, BagError

INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
OPTIONS = 'Name it with --info, or with --left_info and --right_info'


def infos_by_image(
    bag: Bag, given: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, BagError]]:
    """
    Return the camera_info topic of each image topic that has one, and errors by image topic.

    The search order is: the one given for the image, the one beside it, <image>/camera_info, and
    the only one of the same frame_id and image size. The last step leaves out camera_info that is
    beside another image, because a processed copy of a camera's images is no camera, and depth
    images, which may be aligned to another camera. Raises BagError where a given topic does not
    exist.
    """
    infos = bag.topics_of_type(INFO_TYPE)
    for info in given.values():
        if info not in infos:
            raise BagError(f'{bag.name} holds no camera_info {info}, found {infos_text(bag)}')
    found = {}
    images = bag.topics_of_type(*IMAGE_TYPES)
    for image in images:
        candidates = (given.get(image), info_beside(image), f'{base_topic(image)}/camera_info')
        if named := next((info for info in candidates if info in infos), None):
            found[image] = named
    free = [info for info in infos if info not in found.values()]
    alike = {
        image: [info for info in free if _is_alike(bag, image, info)]
        for image in images
        if image not in found and image not in bag.depth_topics
    }
    doubts = {image: _doubt(bag, image, alike) for image in alike if alike[image]}
    found |= {image: alike[image][0] for image, doubt in doubts.items() if doubt is None}
    return found, {image: doubt for image, doubt in doubts.items() if doubt is not None}


def _doubt(bag: Bag, image: str, alike: Mapping[str, list[str]]) -> BagError | None:
    """Return an error if the matching camera_info topics of an image are ambiguous, else None."""
    rivals = [
        other
        for other, infos in alike.items()
        if set(infos) & set(alike[image]) and info_beside(other) != info_beside(image)
    ]
    if len(alike[image]) == 1 and not rivals:
        return None
    return BagError(
        f'{bag.name}: by frame_id and size, camera_info {" or ".join(alike[image])} may belong to '
        f'{" or ".join([image, *rivals])}; which is whose? {OPTIONS}'
    )


def infos_text(bag: Bag) -> str:
    """Return the names of the camera_info topics, for messages."""
    return ', '.join(bag.topics_of_type(INFO_TYPE)) or 'none'


def _is_alike(bag: Bag, image: str, info: str) -> bool:
    """Return whether the first messages share size and frame_id; an empty frame_id never does."""
    picture, described = bag.first(image), bag.first(info)
    if not picture or not described or not picture.header.frame_id:
        return False
    if picture.header.frame_id != described.header.frame_id:
        return False
    return _size(picture) == size_of_images(described)


def _size(message: Any) -> tuple[int, int] | None:
    """Return (width, height) of an image; None where the image cannot be read."""
    if hasattr(message, 'encoding'):
        return message.width, message.height
    try:
        height, width = image_pixels(message, BitDepth()).shape[:2]
    except ValueError:
        return None
    return width, height
