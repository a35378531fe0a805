"""Small stereo recordings, whole or with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
import yaml

from monodepth_ros.storage.bag import Bag, TYPES
from monodepth_ros.storage.bag_writer import BagWriter, write_bag

WIDTH, HEIGHT = 64, 48
FOCAL_PX, BASELINE_M = 60.0, 0.25
PERIOD_NS = 100_000_000


def grey_level(view: str, frame: int) -> np.ndarray:
    """A picture of one grey."""
    return np.full((HEIGHT, WIDTH), (10 * frame + (5 if view == 'right' else 0)) % 256, np.uint8)


def textured(view: str, frame: int) -> np.ndarray:
    """A rough wall at a disparity of 4 px, past which the rig drives 3 px a frame."""
    wall = cv2.GaussianBlur(np.random.default_rng(5).uniform(0, 255, (HEIGHT, 600)), (0, 0), 1.5)
    wall = np.clip(128 + 3 * (wall - wall.mean()), 0, 255).astype(np.uint8)
    start = 3 * frame % 500 + (4 if view == 'right' else 0)
    return wall[:, start : start + WIDTH]


def write_stereo_bag(
    path: Path,
    *,
    frames: int = 5,
    views: tuple[str, ...] = ('left', 'right'),
    with_info: bool = True,
    focal_px: float = FOCAL_PX,
    baseline_m: float = BASELINE_M,
    left_offset_m: float = 0.0,
    compressed: bool = True,
    right_lag_ns: int = 0,
    uncalibrated: tuple[str, ...] = (),
    rotation: np.ndarray | None = None,
    topic: str = 'image_raw',
    image_of: Callable[[str, int], np.ndarray] = grey_level,
    first_frame: int = 0,
    info_size: tuple[int, int] | None = None,
    info_frames: Sequence[int] | None = None,
    stamped: bool = True,
    recorded_after_ns: Mapping[int, int] | None = None,
    lens: tuple[str, Sequence[float]] = ('plumb_bob', (0.0,) * 5),
    extra: Callable[[BagWriter], None] | None = None,
) -> Path:
    """
    Record `frames` pairs; grey 10 * frame (+ 5 in the right view) tells them apart.

    image_of: another picture by view and number, (H, W) grey or, compressed only, (H, W, 3) RGB;
    uint8 or uint16. left_offset_m: where the left camera is, to the right of the rig's origin.
    first_frame: when they begin, in periods. info_size: (width, height) in camera_info.
    info_frames: the only ones with a camera_info. recorded_after_ns: by number, a delay.
    """
    shape = {
        'focal_px': focal_px, 'uncalibrated': uncalibrated,
        'offsets_m': {'right': left_offset_m + baseline_m, 'left': left_offset_m},
        'rotation': rotation, 'lens': lens,
    }  # fmt: skip
    with write_bag(path) as bag:
        if extra is not None:
            extra(bag)
        for number, view in product(range(frames), views):
            at_ns = (first_frame + number) * PERIOD_NS + (right_lag_ns if view == 'right' else 0)
            recorded_ns = at_ns + (recorded_after_ns or {}).get(number, 0)
            header = header_of(at_ns if stamped else 0)
            image = image_of(view, number)
            _add_image(bag, f'/{view}/{topic}', header, image, compressed, recorded_ns)
            if with_info and (info_frames is None or number in info_frames):
                size = info_size or image.shape[1::-1]
                info = _view_info(header, view, size, **shape)
                bag.add(f'/{view}/camera_info', info, recorded_ns=recorded_ns)
    return path


def _view_info(
    header: Any,
    view: str,
    size: tuple[int, int],
    *,
    focal_px: float,
    offsets_m: Mapping[str, float],
    uncalibrated: tuple[str, ...],
    rotation: np.ndarray | None,
    lens: tuple[str, Sequence[float]],
) -> Any:
    info = camera_info(
        header,
        focal_px=0.0 if view in uncalibrated else focal_px,
        shift=focal_px * offsets_m.get(view, 0.0),
        width=size[0],
        height=size[1],
    )
    info.r = info.r if rotation is None else rotation.ravel()
    info.distortion_model, info.d = lens[0], np.array(lens[1])
    return info


def copy_bag(bag: Path, copy: Path, plugin: StoragePlugin, mode: CompressionMode) -> Path:
    """The same recording in another storage or compression."""
    writer = Writer(copy, version=9, storage_plugin=plugin)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with AnyReader([bag]) as reader, writer:
        made = {
            c.id: writer.add_connection(c.topic, c.msgtype, typestore=TYPES)
            for c in reader.connections
        }
        for connection, recorded_ns, data in reader.messages():
            writer.write(made[connection.id], recorded_ns, data)
    return copy


def rename_topics(bag: Path, copy: Path, names: Mapping[str, str]) -> Path:
    """The same recording, in which some topics are called otherwise."""
    with Bag(bag) as source, write_bag(copy) as made:
        for message in source.raw_messages(*source.topics):
            definition = source.definition(message.topic)
            assert not isinstance(definition, str)
            topic = names.get(message.topic, message.topic)
            made.add_serialized(topic, definition, message.data, recorded_ns=message.recorded_ns)
    return copy


def header_of(stamp_ns: int) -> Any:
    """A header of the left camera."""
    time = TYPES.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 1_000_000_000))
    return TYPES.types['std_msgs/msg/Header'](time, 'left_optical_frame')


def camera_info(
    header: Any, *, focal_px: float, shift: float, width: int = WIDTH, height: int = HEIGHT
) -> Any:
    """CameraInfo without distortion, centred; shift is fx * baseline."""
    cx, cy = (width - 1) / 2, (height - 1) / 2
    k = np.array([focal_px, 0, cx, 0, focal_px, cy, 0, 0, 1.0])
    p = np.array([focal_px, 0, cx, -shift, 0, focal_px, cy, 0, 0, 0, 1.0, 0])
    roi = TYPES.types['sensor_msgs/msg/RegionOfInterest'](0, 0, 0, 0, False)
    return TYPES.types['sensor_msgs/msg/CameraInfo'](
        header, height, width, 'plumb_bob', np.zeros(5), k, np.eye(3).ravel(), p, 0, 0, roi
    )


def camera_yaml(
    *,
    d: Sequence[float] = (0.0,) * 5,
    model: str | None = 'plumb_bob',
    shift: float = 0.0,
    focal_px: float = FOCAL_PX,
) -> str:
    """A camera_info YAML file of the recordings' cameras, as ROS' calibrator writes it."""
    info = camera_info(header_of(0), focal_px=focal_px, shift=shift)
    values: dict[str, Any] = {'image_width': WIDTH, 'image_height': HEIGHT, 'camera_name': 'left'}
    arrays = {
        'camera_matrix': (3, 3, info.k),
        'distortion_coefficients': (1, len(d), d),
        'rectification_matrix': (3, 3, info.r),
        'projection_matrix': (3, 4, info.p),
    }
    for name, (rows, columns, data) in arrays.items():
        values[name] = {'rows': rows, 'cols': columns, 'data': [float(x) for x in data]}
    if model is not None:
        values['distortion_model'] = model
    return yaml.safe_dump(values)


def add_cloud(
    bag: BagWriter,
    frame_id: str,
    points: np.ndarray,
    *,
    stamp_ns: int = 0,
    claimed: int | None = None,
) -> None:
    """A cloud of (N, 3) points in m on /FRAME_ID/points, claimed to be so many."""
    kinds = TYPES.types
    header = header_of(stamp_ns)
    header.frame_id = frame_id
    fields = [kinds['sensor_msgs/msg/PointField'](n, 4 * at, 7, 1) for at, n in enumerate('xyz')]
    data = np.asarray(points, np.float32).view(np.uint8).ravel()
    count = len(points)
    cloud = kinds['sensor_msgs/msg/PointCloud2'](
        header, 1, claimed or count, fields, False, 12, 12 * count, data, True
    )
    bag.add(f'/{frame_id}/points', cloud, recorded_ns=stamp_ns)


def add_depth(
    bag: BagWriter,
    name: str,
    values: np.ndarray,
    *,
    stamp_ns: int,
    frame_id: str = 'left_optical_frame',
    focal_px: float | None = None,
    compressed: bool = False,
) -> None:
    """
    A depth image of float32 m or uint16 mm on NAME/image_rect.

    focal_px: of the camera_info beside it, if there shall be one. compressed: as
    compressed_depth_image_transport does it, with a header of 12 bytes ahead of the png.
    """
    header = header_of(stamp_ns)
    header.frame_id = frame_id
    height, width = values.shape
    encoding = {'float32': '32FC1', 'uint16': '16UC1'}[values.dtype.name]
    step = width * values.itemsize
    data = values.view(np.uint8).ravel()
    topic = f'{name}/image_rect'
    if compressed:
        png = np.concatenate([np.zeros(12, np.uint8), cv2.imencode('.png', values)[1].ravel()])
        kind = TYPES.types['sensor_msgs/msg/CompressedImage']
        message = kind(header, f'{encoding}; compressedDepth png', png)
        topic += '/compressedDepth'
    else:
        kind = TYPES.types['sensor_msgs/msg/Image']
        message = kind(header, height, width, encoding, 0, step, data)
    bag.add(topic, message, recorded_ns=stamp_ns)
    if focal_px is not None:
        info = camera_info(header, focal_px=focal_px, shift=0.0, width=width, height=height)
        bag.add(f'{name}/camera_info', info, recorded_ns=stamp_ns)


def _add_image(
    bag: BagWriter, name: str, header: Any, image: np.ndarray, compressed: bool, stamp: int
) -> None:
    if compressed:
        data = cv2.imencode('.png', image[..., ::-1] if image.ndim == 3 else image)[1].ravel()
        message = TYPES.types['sensor_msgs/msg/CompressedImage'](header, 'png', data)
        bag.add(f'{name}/compressed', message, recorded_ns=stamp)
    else:
        encoding, step = f'mono{8 * image.itemsize}', image.shape[1] * image.itemsize
        message = TYPES.types['sensor_msgs/msg/Image'](
            header, *image.shape, encoding, 0, step, image.view(np.uint8).ravel()
        )
        bag.add(name, message, recorded_ns=stamp)
