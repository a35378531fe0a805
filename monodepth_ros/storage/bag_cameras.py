"""Selection of cameras and stereo pairs among the topics of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice, permutations
from pathlib import Path

from monodepth_ros.core.bit_depth import first_bits
from monodepth_ros.core.camera import Camera, is_rectified_topic, stereo_baseline_m
from monodepth_ros.messages.decode import camera_from_info, image_pixels
from monodepth_ros.messages.image_topics import IMAGE_TYPES, info_beside
from monodepth_ros.messages.topics import ALIGNED, COLORED
from monodepth_ros.storage.bag import Bag, BagError, pass_over
from monodepth_ros.storage.bag_infos import infos_by_image, infos_text
from monodepth_ros.storage.camera_yaml import read_camera_yaml

# A usable calibration is searched in so many messages: one of them may be damaged, but an
# uncalibrated camera never sends a usable one.
FIRST_INFOS = 10
OUTPUT_PICTURES = (f'/{ALIGNED}', f'/{COLORED}')


@dataclass(frozen=True)
class CameraTopic:
    """
    An image topic, the topic of its camera_info, and the camera of its images.

    rectified: the images are rectified already; image_proc publishes them beside the raw camera's
    camera_info.
    """

    image: str
    info: str
    camera: Camera
    rectified: bool

    @property
    def remark(self) -> str | None:
        """Return which camera_info is used, if it is not the one beside the images."""
        if self.info == info_beside(self.image):
            return None
        return f'camera_info of {self.image} is {self.info}'


def camera_topics(bag: Bag) -> list[CameraTopic]:
    """Return every image topic, also of depth images, with a usable camera_info beside it."""
    return _cameras(bag, {}, rectified=False)[0]


def find_camera(
    bag: Bag, image: str | None = None, *, info: str | None = None, rectified: bool = False
) -> CameraTopic:
    """
    Return the camera of an image topic.

    bag: an open recording.
    image: image topic; None for the only camera, or the left one of the only stereo pair.
    info: camera_info topic of the images, see infos_by_image.
    rectified: the images are rectified, whatever the topic's name.
    Raises BagError where no camera, or more than one, fits.
    """
    pictures = _pictures(bag, image)
    given = {} if info is None else dict.fromkeys([image] if image else pictures, info)
    cameras, errors = _picture_cameras(bag, given, image, rectified=rectified)
    chosen = _left_of_a_pair([camera for camera in cameras if image in (None, camera.image)])
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ', '.join(camera.image for camera in chosen)
        raise BagError(f'{bag.name} holds several cameras: {names}; name one with --image')
    for name, error in errors.items():
        if image in (None, name):
            raise error
    usable = ', '.join(camera.image for camera in cameras) or 'none'
    raise BagError(
        f'{bag.name} holds no {image or "image topic"} with the camera_info of a calibrated '
        f'camera beside it: image topics are {", ".join(pictures) or "none"}, with '
        f'camera_info {usable}; camera_info topics are {infos_text(bag)}; record camera_info '
        'too, or name its topic with --info'
    )


def find_calibrated(
    bag: Bag, calibration: Path, image: str | None = None, *, rectified: bool = False
) -> CameraTopic:
    """
    Return a camera as find_camera does, with the calibration of a YAML file instead of a topic.

    bag: an open recording.
    calibration: camera_info YAML file.
    image, rectified: see find_camera.
    """
    pictures = _pictures(bag, image)
    images = [name for name in pictures if image in (None, name)]
    if len(images) > 1:
        lefts = _left_of_a_pair(_picture_cameras(bag, {}, image, rectified=rectified)[0])
        images = [lefts[0].image] if len(lefts) == 1 else images
    if len(images) == 1:
        return _calibrated_topic(images[0], calibration, rectified=rectified)
    raise BagError(
        f'{bag.name} holds {"several cameras" if images else "no " + (image or "image topic")}: '
        f'image topics are {", ".join(pictures) or "none"}; name one with --image'
    )


def find_stereo(
    bag: Bag,
    left: str | None = None,
    right: str | None = None,
    *,
    infos: Mapping[str, str] | None = None,
) -> tuple[CameraTopic, CameraTopic]:
    """
    Return the stereo pair: two image topics whose camera_info share P[0] and differ in P[3].

    bag: an open recording.
    left, right: image topics, needed where the recording holds more than one pair, or P[3] does
    not say which camera is which.
    infos: camera_info topics by image topic, see infos_by_image.
    Raises BagError where no pair, or more than one, fits.
    """
    cameras, errors = _picture_cameras(bag, infos or {}, left, right, rectified=False)
    named = left is not None or right is not None
    pairs = [
        (a, b)
        for a, b in permutations(cameras, 2)
        if (_is_rig if named else _is_pair)(a.camera, b.camera)
        and left in (None, a.image)
        and right in (None, b.image)
    ]
    if not pairs and errors:
        raise next(iter(errors.values()))
    if len(pairs) != 1:
        raise BagError(_no_pair(bag, pairs, cameras))
    return pairs[0]


def named_stereo(
    bag: Bag, left: str | None, right: str | None, calibration: tuple[Path, Path]
) -> tuple[CameraTopic, CameraTopic]:
    """
    Return the image topics of two cameras whose calibrations are YAML files.

    bag: an open recording.
    left, right: image topics; None for the topic with `left` or `right` in its name.
    calibration: files of the left and the right camera.
    Raises BagError where no topic, or more than one, fits.
    """
    found = []
    for view, given, file in zip(('left', 'right'), (left, right), calibration, strict=True):
        images = bag.topics_of_type(*IMAGE_TYPES)
        names = [image for image in images if given == image or (not given and view in image)]
        if len(names) != 1:
            raise BagError(
                f'{bag.name} holds {", ".join(names) or "no image topic"} for the {view} '
                f'camera, expected one of {", ".join(images) or "none"}; name it with --{view}'
            )
        found.append(_calibrated_topic(names[0], file, rectified=False))
    return found[0], found[1]


def _calibrated_topic(image: str, calibration: Path, *, rectified: bool) -> CameraTopic:
    rectified = rectified or is_rectified_topic(image)
    camera = read_camera_yaml(calibration, rectified=rectified)
    return CameraTopic(image, info_beside(image), camera, rectified)


def camera_bits(bag: Bag, *images: str, first_share: float = 0.0) -> int | None:
    """
    Return the bits that hold the first frames of all image topics, see BitDepth; None for 8 bits.

    bag: an open recording.
    images: image topics.
    first_share: fraction of the recording where the first frames are.
    """
    found = []
    for image in images:
        messages = bag.messages(image, first_share=first_share, skipped=pass_over)
        # The caller reads the same messages next, and then reports the damage.
        with suppress(BagError):
            found.append(first_bits(partial(image_pixels, m.content) for m in messages))
    return max((bits for bits in found if bits is not None), default=None)


def _pictures(bag: Bag, *named: str | None) -> list[str]:
    """
    Return the image topics that hold no depth, sorted.

    Images that this package published with its depth are left out if there are others, unless
    named.
    """
    pictures = [t for t in bag.topics_of_type(*IMAGE_TYPES) if t not in bag.depth_topics]
    others = [t for t in pictures if t in named or not t.endswith(OUTPUT_PICTURES)]
    return others or pictures


def _picture_cameras(
    bag: Bag, infos: Mapping[str, str], *named: str | None, rectified: bool
) -> tuple[list[CameraTopic], dict[str, BagError]]:
    """Return as _cameras, for the topics of _pictures only."""
    pictures = _pictures(bag, *named)
    cameras, errors = _cameras(bag, infos, rectified=rectified)
    return [camera for camera in cameras if camera.image in pictures], errors


def _cameras(
    bag: Bag, infos: Mapping[str, str], *, rectified: bool
) -> tuple[list[CameraTopic], dict[str, BagError]]:
    """
    Return the usable cameras, and by image topic the error of each other one.

    bag: an open recording.
    infos: camera_info topics given by image topic.
    rectified: all images are rectified; otherwise those whose topic's name says so.
    """
    cameras: list[CameraTopic] = []
    found, errors = infos_by_image(bag, infos)
    for image, info in found.items():
        is_rectified = rectified or is_rectified_topic(image)
        try:
            camera = _first_camera(bag, info, rectified=is_rectified)
        except BagError as error:
            errors[image] = error
        else:
            cameras.append(CameraTopic(image, info, camera, is_rectified))
    return sorted(cameras, key=lambda camera: camera.image), errors


def _first_camera(bag: Bag, info: str, *, rectified: bool) -> Camera:
    fault = 'holds no message, expected the calibration'
    for message in islice(bag.messages(info, skipped=pass_over), FIRST_INFOS):
        try:
            return camera_from_info(message.content, rectified=rectified)
        except ValueError as error:
            fault = str(error)
    raise BagError(f'{bag.name}, topic {info}: {fault}')


def _no_pair(
    bag: Bag, pairs: list[tuple[CameraTopic, CameraTopic]], cameras: list[CameraTopic]
) -> str:
    if pairs:
        names = '; '.join(f'{a.image} + {b.image}' for a, b in pairs)
        return f'{bag.name} holds several stereo pairs: {names}; name one with --left, --right'
    images = bag.topics_of_type(*IMAGE_TYPES)
    if not images:
        return f'{bag.name} holds no image topic, expected a stereo pair of them'
    without = sorted(set(images) - {camera.image for camera in cameras})
    if without:
        return (
            f'{bag.name} holds no camera_info for {", ".join(without)}, expected e.g. '
            f'{info_beside(without[0])}, found {infos_text(bag)}; record it too, or name it with '
            '--left_info, --right_info'
        )
    seen = ', '.join(f'{c.image} (P[3] = {c.camera.p[3]:g})' for c in cameras)
    return (
        f'{bag.name} holds no stereo pair: got {seen}; expected two cameras of one P[0], the '
        'right one with P[3] = -fx * baseline; calibrate the rig as a stereo pair'
    )


def _left_of_a_pair(cameras: list[CameraTopic]) -> list[CameraTopic]:
    """Return the left camera if the cameras hold exactly one stereo pair, else all cameras."""
    lefts = [a for a in cameras if any(_is_pair(a.camera, b.camera) for b in cameras)]
    return lefts if len(lefts) == 1 else cameras


def _is_pair(left: Camera, right: Camera) -> bool:
    """
    Return whether two cameras are the left and the right one of a rig, by their P.

    The right camera is further right. Where one camera is the rig's origin, that is the left one;
    only the images can show that the sign of the other camera's P[3] is wrong.
    """
    if not _is_rig(left, right):
        return False
    if left.offset_m == 0 or right.offset_m == 0:
        return left.offset_m == 0
    return stereo_baseline_m(left, right) > 0


def _is_rig(a: Camera, b: Camera) -> bool:
    """Return whether the rectified images of two cameras share their rows but not their place."""
    same_rectified = a.rectified.fx == b.rectified.fx and a.height == b.height
    return same_rectified and stereo_baseline_m(a, b) != 0
