"""rosbag2 recordings (mcap, sqlite3) without a ROS installation, through `rosbags`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores

from monodepth_ros.atomic import atomic_folder
from monodepth_ros.core.camera import Camera
from monodepth_ros.errors import one_line
from monodepth_ros.messages import camera_from_info

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
INFO_TYPE = 'sensor_msgs/msg/CameraInfo'
ROSBAG2_VERSION = 9
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
    """A recording opened for reading; a context manager. Raises BagError for a damaged one."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not (self.path / 'metadata.yaml').is_file():
            raise BagError(
                f'{self.path} is no rosbag2 folder (it holds no metadata.yaml); give the folder '
                'that `ros2 bag record` made, or restore the file with `ros2 bag reindex`'
            )
        with self._explained():
            self._reader = AnyReader([self.path], default_typestore=TYPES)

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
        self, *topics: str, first_share: float = 0.0, last_share: float = 1.0
    ) -> Iterator[BagMessage]:
        """Messages of the topics in recorded order, from a first to a last share of the whole."""
        chosen = [c for c in self._reader.connections if c.topic in topics]
        if not chosen:  # rosbags would read "none" as "all"
            return
        start, stop = self.time_at(first_share), self.time_at(last_share)
        with self._explained():
            for connection, recorded_ns, data in self._reader.messages(
                chosen, start=start, stop=stop
            ):
                content = self._reader.deserialize(data, connection.msgtype)
                yield BagMessage(
                    connection.topic, connection.msgtype, recorded_ns, content, bytes(data)
                )

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

    def _camera(self, image: str, info: str) -> CameraTopic:
        for message in self.messages(info):
            try:
                camera = camera_from_info(message.content)
            except ValueError as error:
                raise BagError(f'{self.path}, topic {info}: {error}') from error
            return CameraTopic(image, info, camera, rectified='/image_rect' in image)
        raise BagError(f'{self.path}, topic {info} holds no message, expected the calibration')

    def _no_pair(
        self, pairs: list[tuple[CameraTopic, CameraTopic]], cameras: list[CameraTopic]
    ) -> str:
        if pairs:
            names = '; '.join(f'{a.image} + {b.image}' for a, b in pairs)
            return (
                f'{self.path} holds several stereo pairs: {names}; name one with --left, --right'
            )
        images = self.topics_of_type(*IMAGE_TYPES)
        if not images:
            return f'{self.path} holds no image topic, expected a stereo pair of them'
        without = sorted(set(images) - {camera.image for camera in cameras})
        if without:
            return (
                f'{self.path} holds no camera_info for {", ".join(without)}, expected e.g. '
                f'{_info_topic(without[0])}; record it too'
            )
        seen = ', '.join(f'{c.image} (P[3] = {c.camera.p[3]:g})' for c in cameras)
        return (
            f'{self.path} holds no stereo pair: got {seen}; expected two cameras of one P[0], the '
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
                f'{self.path} cannot be read ({one_line(error)}); it may be truncated: copy it '
                'again or restore it with `ros2 bag reindex` or `mcap recover`'
            ) from error


class BagWriter:
    """Writes an mcap recording; made by write_bag."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._connections: dict[str, Any] = {}

    def add(self, topic: str, message: Any, *, recorded_ns: int) -> None:
        """Append a message made with TYPES."""
        data = TYPES.serialize_cdr(message, message.__msgtype__)
        self.add_serialized(topic, message.__msgtype__, data, recorded_ns=recorded_ns)

    def add_serialized(
        self, topic: str, message_type: str, data: bytes | memoryview, *, recorded_ns: int
    ) -> None:
        """Append the CDR bytes of a message."""
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, message_type, typestore=TYPES
            )
        self._writer.write(self._connections[topic], recorded_ns, data)


@contextmanager
def write_bag(path: Path) -> Iterator[BagWriter]:
    """A writer for a new recording, which appears at path only when all went well."""
    with atomic_folder(path) as partial:
        folder = partial / path.name
        with Writer(folder, version=ROSBAG2_VERSION, storage_plugin=StoragePlugin.MCAP) as writer:
            yield BagWriter(writer)
        for file in folder.iterdir():
            file.rename(partial / file.name)
        folder.rmdir()


def _info_topic(image: str) -> str:
    return image.removesuffix('/compressed').rpartition('/')[0] + '/camera_info'


def _is_pair(left: Camera, right: Camera) -> bool:
    same_rectified = left.rectified.fx == right.rectified.fx and left.height == right.height
    return same_rectified and left.baseline_m == 0 and right.baseline_m != 0
