"""Raw stereo pairs of a rosbag2 recording: found, paired by stamp, with their ground truth."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
import math
import sys
from typing import Any

import numpy as np

from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.core.camera import Intrinsics
from monodepth_ros.messages.decode import camera_from_info, image_pixels, stamp_ns
from monodepth_ros.storage.bag import Bag, BagError, BagMessage
from monodepth_ros.storage.bag_cameras import camera_bits, CameraTopic, find_stereo, named_stereo
from monodepth_ros.storage.stamps import take_nearest
from trainer.datasets.depth_map import resample
from trainer.datasets.ground_truth_topics import (
    ground_truth_topics,
    GroundTruthTopic,
    open_ground_truth,
)
from trainer.ingest.config import IngestConfig
from trainer.ingest.recording import RawPair, Rig

NS_PER_MS = 1_000_000
# So many messages of one kind wait for their partner; then the oldest is dropped.
WAITING = 64
# A pair waits this long for a ground truth or a camera_info that was recorded after it.
LAG_NS = 500_000_000
DAMAGED, BAD_INFO = 'damaged message', 'damaged camera_info'


@dataclass(frozen=True)
class Stamped:
    """A message and its time: the stamp of its header, or the time of recording if that is 0."""

    stamp_ns: int
    recorded_ns: int
    content: Any

    @classmethod
    def of(cls, message: BagMessage) -> Stamped:
        """Return a message of a recording with its time."""
        stamp = stamp_ns(message.content.header)
        return cls(stamp or message.recorded_ns, message.recorded_ns, message.content)


class BagRecording:
    """A Recording of the stereo pairs of one or several rosbag2 recordings of a rig."""

    def __init__(self, bag: Bag, config: IngestConfig) -> None:
        self._bag = bag
        self._config = config
        self._tolerance_ns = round(config.tolerance_ms * NS_PER_MS)
        self._topics = _find_views(bag, config)
        self._ground_truth = _find_ground_truth(bag, self._topics[0], config.truth_topic)
        self.described = {
            'left': self._topics[0].image,
            'right': self._topics[1].image,
            'truth': self._ground_truth and self._ground_truth.topic,
        }
        for remark in filter(None, (topic.remark for topic in self._topics)):
            print(remark)
        images = [topic.image for topic in self._topics]
        self.bits = camera_bits(bag, *images, first_share=config.first_share)
        fraction = config.last_share - config.first_share
        self.count = round(min(bag.message_count(t.image) for t in self._topics) * fraction)
        self.left_out: Counter[str] = Counter()

    def pairs(self) -> Iterator[RawPair]:
        """
        Yield the pairs in the order of their stamps.

        Pairs that were recorded more than LAG_NS late come out of order. Raises BagError.
        """
        views = tuple(_View(topic, self._config.calibration is None) for topic in self._topics)
        ground_truths: deque[Stamped] = deque(maxlen=WAITING)
        complete: list[tuple[int, int, Stamped, Stamped]] = []
        order = count()  # heapq compares it where stamps are equal
        self._recall_calibrations(views)
        damage = None
        try:
            for message in self._messages():
                view = next((view for view in views if message.topic in view.topics), None)
                if view is None:
                    ground_truths.append(Stamped.of(message))
                elif pair := self._take(message, view, views):
                    heappush(complete, (pair[0].stamp_ns, next(order), *pair))
                while complete and complete[0][2].recorded_ns + LAG_NS < message.recorded_ns:
                    yield self._raw_pair(*heappop(complete)[2:], views, ground_truths)
        except BagError as error:
            damage = error
        while complete:
            yield self._raw_pair(*heappop(complete)[2:], views, ground_truths)
        self.left_out['unpaired'] += sum(len(view.waiting) for view in views)
        if damage is not None:
            raise damage

    def _recall_calibrations(self, views: tuple[_View, ...]) -> None:
        """
        Read the camera_info messages before the wanted part of the recording.

        A camera_info may be sent once, so that the valid one may lie before that part.
        """
        first = self._config.first_share
        if self._config.calibration is None and first > 0:
            infos = [topic.info for topic in self._topics]
            for message in self._bag.messages(*infos, last_share=first, skipped=lambda _: None):
                view = next(view for view in views if message.topic in view.topics)
                self._calibrate(view, Stamped.of(message))

    def _calibrate(self, view: _View, info: Stamped) -> None:
        try:
            view.calibrate(info)
        except ValueError as error:
            if not self.left_out[BAD_INFO]:
                print(f'{view.topic.info}: left out {error}', file=sys.stderr)
            self.left_out[BAD_INFO] += 1

    def _messages(self) -> Iterator[BagMessage]:
        topics = [topic.image for topic in self._topics]
        if self._config.calibration is None:
            topics += [topic.info for topic in self._topics]
        if self._ground_truth is not None:
            topics.append(self._ground_truth.topic)
        fractions = (self._config.first_share, self._config.last_share)
        seen = 0
        for message in self._bag.messages(
            *topics, first_share=fractions[0], last_share=fractions[1], skipped=self._skip
        ):
            seen += 1
            yield message
        missing = self._bag.message_count(*topics) - seen - self.left_out[DAMAGED]
        if fractions == (0, 1) and missing > 0:
            # Damage can look like the end of the file, so the reader reports no error.
            text = f'{self._bag.name}: {missing} messages of these topics could not be read'
            print(text, file=sys.stderr)
            self.left_out['missing message'] = missing

    def _skip(self, what: str) -> None:
        if not self.left_out[DAMAGED]:
            text = f'{self._bag.name}: left out {what}; more of this kind are only counted'
            print(text, file=sys.stderr)
        self.left_out[DAMAGED] += 1

    def _take(
        self, message: BagMessage, view: _View, views: tuple[_View, ...]
    ) -> tuple[Stamped, Stamped] | None:
        """
        Use a message of a camera and return the pair that it completes, if any.

        message: an image or a camera_info.
        view: the camera that sent it.
        views: the left and the right camera.
        """
        stamped = Stamped.of(message)
        if message.topic == view.topic.info:
            self._calibrate(view, stamped)
            return None
        if view.knows(stamped):
            self.left_out['duplicate'] += 1
            return None
        other = views[1] if view is views[0] else views[0]
        partner = take_nearest(
            other.waiting,
            stamped.stamp_ns,
            tolerance_ns=self._tolerance_ns,
            stamp_of=lambda waiting: waiting.stamp_ns,
        )
        if partner is None:
            self.left_out['unpaired'] += len(view.waiting) == view.waiting.maxlen
            view.waiting.append(stamped)
            return None
        return (stamped, partner) if view is views[0] else (partner, stamped)

    def _raw_pair(
        self,
        left: Stamped,
        right: Stamped,
        views: tuple[_View, ...],
        ground_truths: deque[Stamped],
    ) -> RawPair:
        topics = views[0].topic_at(left.stamp_ns), views[1].topic_at(right.stamp_ns)
        ground_truth = take_nearest(
            ground_truths,
            left.stamp_ns,
            tolerance_ns=self._tolerance_ns,
            stamp_of=lambda waiting: waiting.stamp_ns,
        )
        return RawPair(
            left.stamp_ns,
            Rig(topics[0].camera, topics[1].camera),
            partial(_read_each, (left.content, right.content)),
            partial(
                _depth_m, self._ground_truth, ground_truth, left.content.header.frame_id, topics[0]
            ),
        )


class _View:
    """The messages of one camera: images that wait for a partner, and its calibrations."""

    def __init__(self, topic: CameraTopic, calibrated_by_bag: bool) -> None:
        self.topic = topic
        self.topics = (topic.image, topic.info) if calibrated_by_bag else (topic.image,)
        self.waiting: deque[Stamped] = deque(maxlen=WAITING)
        self._seen: set[int] = set()
        self._last_info: tuple[Any, ...] | None = None
        # Each calibration with the stamp from which it is valid; the first one is valid at once.
        self._calibrations: list[tuple[float, CameraTopic]] = [(-math.inf, topic)]

    def knows(self, image: Stamped) -> bool:
        """Return whether an image of this stamp came before, and remember the stamp."""
        known = image.stamp_ns in self._seen
        self._seen.add(image.stamp_ns)
        return known

    def calibrate(self, info: Stamped) -> None:
        """Use the calibration of a camera_info from now on; raise ValueError if it is damaged."""
        content = info.content
        arrays = b''.join(
            array.tobytes() for array in (content.k, content.d, content.r, content.p)
        )
        sizes = content.width, content.height, content.binning_x, content.binning_y
        key = (*arrays, sizes, content.distortion_model, repr(content.roi))
        if key == self._last_info:  # nearly always: parsing every camera_info would be slow
            return
        self._last_info = key
        camera = camera_from_info(content, rectified=self.topic.rectified)
        if camera != self._calibrations[-1][1].camera:
            self._calibrations.append((info.stamp_ns, replace(self.topic, camera=camera)))

    def topic_at(self, stamp: int) -> CameraTopic:
        """Return the topic with the calibration that was valid at a stamp, in ns."""
        return next(topic for since, topic in reversed(self._calibrations) if since <= stamp)


def _read_each(images: tuple[Any, Any], bit_depth: BitDepth) -> Iterator[np.ndarray]:
    return (image_pixels(image, bit_depth) for image in images)


def _depth_m(
    topic: GroundTruthTopic | None,
    message: Stamped | None,
    frame_id: str,
    camera: CameraTopic,
    window: Intrinsics,
) -> np.ndarray | None:
    if topic is None or message is None:
        return None
    ground_truth = topic.read(message.content, frame_id, camera, window)
    return None if ground_truth is None else resample(ground_truth, window)


def _find_views(bag: Bag, config: IngestConfig) -> tuple[CameraTopic, CameraTopic]:
    if config.calibration is None:
        given = {config.left: config.left_info, config.right: config.right_info}
        infos = {image: info for image, info in given.items() if image and info}
        return find_stereo(bag, config.left, config.right, infos=infos)
    return named_stereo(bag, config.left, config.right, config.calibration)


def _find_ground_truth(
    bag: Bag, camera: CameraTopic, topic: str | None
) -> GroundTruthTopic | None:
    topics = ground_truth_topics(bag, camera)
    if topic is not None and topic not in topics:
        raise BagError(
            f'{bag.name} holds no ground truth {topic} for {camera.image}, found '
            f'{", ".join(topics) or "none"}; choose one of these with --truth_topic'
        )
    chosen = topic or next(iter(topics), None)
    return None if chosen is None else open_ground_truth(bag, camera, chosen)
