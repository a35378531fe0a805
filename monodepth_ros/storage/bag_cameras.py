"""Which topics of a recording are cameras, and which of them a stereo pair."""

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

# Of so many a damaged calibration is passed over; an uncalibrated camera sends nothing else.
FIRST_INFOS = 10
OUTPUT_PICTURES = (f'/{ALIGNED}', f'/{COLORED}')


@dataclass(frozen=True)
class CameraTopic:
    """
    An image topic, the topic of its camera_info, and the camera of its images.

    rectified: the images are rectified already, as image_proc publishes them beside the raw
    camera's camera_info.
    """

    image: str
    info: str
    camera: Camera
    rectified: bool

    @property
    def remark(self) -> str | None:
        """Say which camera_info is taken, where it is not the one beside the images."""
        if self.info == info_beside(self.image):
            return None
        return f'camera_info of {self.image} is {self.info}'


def camera_topics(bag: Bag) -> list[CameraTopic]:
    """Every image topic, depth images too, with a usable camera_info beside it."""
    return _cameras(bag, {}, rectified=False)[0]


def find_camera(
    bag: Bag, image: str | None = None, *, info: str | None = None, rectified: bool = False
) -> CameraTopic:
    """
    The camera of an image topic; without a name the only one, or the left one of the only pair.

    info: its camera_info topic, see infos_by_image. rectified: the images are, whatever the topic
    is called. Raises BagError where there is none, or no telling which.
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
        f'camera_info {usable}; camera_info topics are {infos_text(bag)}; record the camera_info '
        'too, or name it with --info'
    )


def find_calibrated(
    bag: Bag, calibration: Path, image: str | None = None, *, rectified: bool = False
) -> CameraTopic:
    """Do as find_camera, with the calibration of a YAML file: no topic needs camera_info."""
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
    The stereo pair: two image topics whose camera_info share P[0] and differ in P[3].

    left, right: image topics, where the recording holds more than one pair, or P[3] does not say
    which is which. infos: camera_info topics by image topic, see infos_by_image.
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
    Image topics for two cameras whose calibrations YAML files hold, as find_stereo.

    Unless given, they are the topics with `left` and `right` in their names.
    """
    found = []
    for eye, given, file in zip(('left', 'right'), (left, right), calibration, strict=True):
        images = bag.topics_of_type(*IMAGE_TYPES)
        names = [image for image in images if given == image or (not given and eye in image)]
        if len(names) != 1:
            raise BagError(
                f'{bag.name} holds {", ".join(names) or "no image topic"} for the {eye} '
                f'camera, expected one of {", ".join(images) or "none"}; name it with --{eye}'
            )
        found.append(_calibrated_topic(names[0], file, rectified=False))
    return found[0], found[1]


def _calibrated_topic(image: str, calibration: Path, *, rectified: bool) -> CameraTopic:
    rectified = rectified or is_rectified_topic(image)
    camera = read_camera_yaml(calibration, rectified=rectified)
    return CameraTopic(image, info_beside(image), camera, rectified)


def camera_bits(bag: Bag, *images: str, first_share: float = 0.0) -> int | None:
    """
    The bits that hold the first frames of all the image topics, see BitDepth; None of 8 bits.

    first_share: of the recording, where the frames that count begin.
    """
    found = []
    for image in images:
        messages = bag.messages(image, first_share=first_share, skipped=pass_over)
        # Where the recording is damaged so soon, whoever reads on will say so.
        with suppress(BagError):
            found.append(first_bits(partial(image_pixels, m.content) for m in messages))
    return max((bits for bits in found if bits is not None), default=None)


def _pictures(bag: Bag, *named: str | None) -> list[str]:
    """
    The image topics that hold no depth, sorted.

    Beside others, pictures that this package published with its depth are none, unless named.
    """
    pictures = [t for t in bag.topics_of_type(*IMAGE_TYPES) if t not in bag.depth_topics]
    others = [t for t in pictures if t in named or not t.endswith(OUTPUT_PICTURES)]
    return others or pictures


def _picture_cameras(
    bag: Bag, infos: Mapping[str, str], *named: str | None, rectified: bool
) -> tuple[list[CameraTopic], dict[str, BagError]]:
    """As _cameras, of _pictures alone."""
    pictures = _pictures(bag, *named)
    cameras, errors = _cameras(bag, infos, rectified=rectified)
    return [camera for camera in cameras if camera.image in pictures], errors


def _cameras(
    bag: Bag, infos: Mapping[str, str], *, rectified: bool
) -> tuple[list[CameraTopic], dict[str, BagError]]:
    """
    The usable cameras, and by image topic what is wrong with the others.

    infos: camera_info topics that are given by image topic. rectified: all their images are; else
    those whose topics say so.
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
    """Of cameras with one stereo pair among them its left one, else all."""
    lefts = [a for a in cameras if any(_is_pair(a.camera, b.camera) for b in cameras)]
    return lefts if len(lefts) == 1 else cameras


def _is_pair(left: Camera, right: Camera) -> bool:
    """
    Tell whether two cameras are a rig's left and right one, by their P.

    The right one is further right; but where one of them is the rig's origin, that is the left
    one, and a wrong sign of the other one's P[3] is for the images to tell.
    """
    if not _is_rig(left, right):
        return False
    if left.offset_m == 0 or right.offset_m == 0:
        return left.offset_m == 0
    return stereo_baseline_m(left, right) > 0


def _is_rig(a: Camera, b: Camera) -> bool:
    """Tell whether the rectified images of two cameras share their rows but not their place."""
    same_rectified = a.rectified.fx == b.rectified.fx and a.height == b.height
    return same_rectified and stereo_baseline_m(a, b) != 0
