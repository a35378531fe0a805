"""rosbag2 recordings (mcap, sqlite3) without a ROS installation, through `rosbags`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.typesys import get_typestore, Stores

from monodepth_ros.core.camera import Camera
from monodepth_ros.errors import one_line
from monodepth_ros.messages import camera_from_info, is_depth

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
STORAGE_SUFFIXES = ('.mcap', '.db3')
# Beside a database whose last transaction is not in it yet.
SQLITE_JOURNALS = ('-journal', '-wal')
# Of so many a damaged calibration is passed over; an uncalibrated camera sends nothing else.
FIRST_INFOS = 10
TYPES = get_typestore(Stores.ROS2_JAZZY)


class BagError(ValueError):
    """A recording that cannot be used, with what was got and what to do."""


class BagMessage(NamedTuple):
    """One message: its topic and type, when it was recorded, decoded, and as CDR bytes."""

    topic: str
    type: str
    recorded_ns: int
    content: Any
    data: bytes


@dataclass(frozen=True)
class CameraTopic:
    """
    An image topic and the camera that its camera_info describes.

    rectified: the images are rectified already, as image_proc publishes them beside the raw
    camera's camera_info. Their frame_id is the raw camera's all the same.
    """

    image: str
    info: str
    described: Camera
    rectified: bool

    @property
    def camera(self) -> Camera:
        """The camera of the topic's images."""
        return self.described.as_rectified() if self.rectified else self.described

    @property
    def rectified_from_frame(self) -> NDArray[np.float64]:
        """(3, 3) rotation from the images' frame_id, the raw camera, to the rectified one."""
        return self.described.rotation


class Bag:
    """
    A recording, or several of one rig as if they were one, opened for reading; a context manager.

    paths: rosbag2 folders, split ones too, or single .mcap and .db3 files. `name` is what messages
    call it. Raises BagError for a damaged one.
    """

    def __init__(self, *paths: Path | str) -> None:
        self.name = ', '.join(str(path) for path in paths)
        for path in map(Path, paths):
            _check_recording(path)
        with self._explained():
            self._reader = AnyReader([Path(path) for path in paths], default_typestore=TYPES)

    def __enter__(self) -> Bag:
        with self._explained():
            self._reader.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._reader.close()

    def topics_of_type(self, *types: str) -> list[str]:
        """Names of the topics of these message types, sorted."""
        return sorted({c.topic for c in self._reader.connections if c.msgtype in types})

    def message_count(self, *topics: str) -> int:
        """How many messages the topics hold together."""
        return sum(self._reader.topics[topic].msgcount for topic in topics)

    def time_at(self, share: float) -> int:
        """The recording time in ns at a share 0..1 of the recording."""
        start, end = self._reader.start_time, self._reader.end_time
        return start + round(share * (end - start))

    def messages(
        self,
        *topics: str,
        first_share: float = 0.0,
        last_share: float = 1.0,
        skipped: Callable[[str], None] | None = None,
    ) -> Iterator[BagMessage]:
        """
        Messages of the topics in recorded order, from a first to a last share of the whole.

        skipped: told about every message that is damaged; without it such a message is an error.
        """
        chosen = [c for c in self._reader.connections if c.topic in topics]
        if not chosen:  # rosbags would read "none" as "all"
            return
        start, stop = self.time_at(first_share), self.time_at(last_share)
        with self._explained():
            for connection, recorded_ns, data in self._reader.messages(
                chosen, start=start, stop=stop
            ):
                try:
                    content = self._reader.deserialize(data, connection.msgtype)
                # Damaged bytes make the parser raise anything.
                except Exception as error:
                    if skipped is None:
                        raise
                    skipped(f'{connection.topic} at {recorded_ns}: {one_line(error)}')
                    continue
                yield BagMessage(
                    connection.topic, connection.msgtype, recorded_ns, content, bytes(data)
                )

    def first(self, topic: str) -> Any | None:
        """The content of a topic's first message that is not damaged; None without any."""
        return next((m.content for m in self.messages(topic, skipped=_pass_over)), None)

    @cached_property
    def depth_topics(self) -> list[str]:
        """The topics of depth images (32FC1, 16UC1, 16-bit png)."""
        first = {topic: self.first(topic) for topic in self.topics_of_type(*IMAGE_TYPES)}
        return [topic for topic, content in first.items() if content and is_depth(content, topic)]

    def cameras(self) -> list[CameraTopic]:
        """Every image topic with a usable camera_info beside it."""
        return self._cameras()[0]

    def _cameras(self) -> tuple[list[CameraTopic], list[BagError]]:
        """The usable cameras, and what is wrong with the others."""
        infos = self.topics_of_type(INFO_TYPE)
        cameras, errors = [], []
        for image in self.topics_of_type(*IMAGE_TYPES):
            if (info := _info_topic(image)) in infos:
                try:
                    cameras.append(self._camera(image, info))
                except BagError as error:
                    errors.append(error)
        return cameras, errors

    def find_stereo(
        self, left: str | None = None, right: str | None = None
    ) -> tuple[CameraTopic, CameraTopic]:
        """
        The stereo pair: two image topics whose camera_info share P[0] and differ in P[3].

        left, right: image topics, where the recording holds more than one pair.
        """
        cameras, errors = self._cameras()
        depths = self.depth_topics
        cameras = [camera for camera in cameras if camera.image not in depths]
        pairs = [
            (a, b)
            for a in cameras
            for b in cameras
            if _is_pair(a.camera, b.camera)
            and left in (None, a.image)
            and right in (None, b.image)
        ]
        if not pairs and errors:
            raise errors[0]
        if len(pairs) != 1:
            raise BagError(self._no_pair(pairs, cameras))
        return pairs[0]

    def named_stereo(
        self, left: str | None, right: str | None, cameras: tuple[Camera, Camera]
    ) -> tuple[CameraTopic, CameraTopic]:
        """
        Image topics for two cameras that are calibrated elsewhere, as find_stereo.

        Unless given, they are the topics with `left` and `right` in their names.
        """
        images = self.topics_of_type(*IMAGE_TYPES)
        found = []
        for eye, given, camera in zip(('left', 'right'), (left, right), cameras, strict=True):
            names = [image for image in images if given == image or (not given and eye in image)]
            if len(names) != 1:
                raise BagError(
                    f'{self.name} holds {", ".join(names) or "no image topic"} for the {eye} '
                    f'camera, expected one of {", ".join(images) or "none"}; name it with --{eye}'
                )
            rectified = '/image_rect' in names[0]
            found.append(CameraTopic(names[0], _info_topic(names[0]), camera, rectified))
        return found[0], found[1]

    def _camera(self, image: str, info: str) -> CameraTopic:
        fault = 'holds no message, expected the calibration'
        for message in islice(self.messages(info, skipped=_pass_over), FIRST_INFOS):
            try:
                camera = camera_from_info(message.content)
            except ValueError as error:
                fault = str(error)
                continue
            return CameraTopic(image, info, camera, rectified='/image_rect' in image)
        raise BagError(f'{self.name}, topic {info}: {fault}')

    def _no_pair(
        self, pairs: list[tuple[CameraTopic, CameraTopic]], cameras: list[CameraTopic]
    ) -> str:
        if pairs:
            names = '; '.join(f'{a.image} + {b.image}' for a, b in pairs)
            return (
                f'{self.name} holds several stereo pairs: {names}; name one with --left, --right'
            )
        images = self.topics_of_type(*IMAGE_TYPES)
        if not images:
            return f'{self.name} holds no image topic, expected a stereo pair of them'
        without = sorted(set(images) - {camera.image for camera in cameras})
        if without:
            return (
                f'{self.name} holds no camera_info for {", ".join(without)}, expected e.g. '
                f'{_info_topic(without[0])}; record it too'
            )
        seen = ', '.join(f'{c.image} (P[3] = {c.camera.p[3]:g})' for c in cameras)
        return (
            f'{self.name} holds no stereo pair: got {seen}; expected two cameras of one P[0], the '
            'right one with P[3] = -fx * baseline; calibrate the rig as a stereo pair'
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (BagError, GeneratorExit):
            raise
        # Damaged bytes make the parsers below raise anything, from struct.error to KeyError.
        except Exception as error:
            raise BagError(
                f'{self.name} cannot be read ({one_line(error)}); it may be truncated: copy it '
                'again or run `ros2 bag reindex` or `mcap recover`'
            ) from error


def _pass_over(_: str) -> None:
    """A damaged message that another one will stand in for."""


def _check_recording(path: Path) -> None:
    """Raise BagError for what is no recording, or one that its recorder has not closed."""
    if path.suffix not in STORAGE_SUFFIXES and not (path / 'metadata.yaml').is_file():
        raise BagError(
            f'{path} is no rosbag2 folder (it holds no metadata.yaml); give the folder that '
            '`ros2 bag record` made or the .mcap file itself, or run `ros2 bag reindex`'
        )
    for file in path.glob('*.db3') if path.is_dir() else (path,):
        for journal in (file.with_name(file.name + ending) for ending in SQLITE_JOURNALS):
            if journal.exists() and journal.stat().st_size:
                raise BagError(
                    f'{file} was not closed by its recorder: {journal.name} holds what is missing '
                    f'in it; bring it in with `sqlite3 {file} .schema`, then try again'
                )


def _info_topic(image: str) -> str:
    base = image.removesuffix('/compressed').removesuffix('/compressedDepth')
    return base.rpartition('/')[0] + '/camera_info'


def _is_pair(left: Camera, right: Camera) -> bool:
    same_rectified = left.rectified.fx == right.rectified.fx and left.height == right.height
    return same_rectified and left.baseline_m == 0 and right.baseline_m != 0
