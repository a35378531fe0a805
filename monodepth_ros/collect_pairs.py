"""Live collection: a pair folder from the topics of a live or replayed stereo rig."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
import sys

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.subscription import Subscription
from rclpy.task import Future
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.common.paths import typed_path
from monodepth_ros.messages import decode
from monodepth_ros.parameters import CollectParams
from monodepth_ros.pipeline.camera_remarks import calibration_remarks
from monodepth_ros.ros.camera_info import are_rectified, CameraInfoTopic
from monodepth_ros.ros.command_line import check_arguments
from monodepth_ros.ros.live_parameters import read_once
from monodepth_ros.ros.qos import best_effort, OVERRIDABLE
from monodepth_ros.ros.session import image_source, ros_session
from monodepth_ros.ros.silent_topic import lost_remedy, why_silent
from monodepth_ros.storage.pair_folder import VIEWS
from monodepth_ros.storage.pair_recorder import BYTES_PER_GB, MessagePair, PairRecorder
from monodepth_ros.storage.stamps import PairMatcher, RateLimit

# The queue holds the images of one camera while those of the other are processed.
QUEUE = 10
STATUS_PERIOD_S = 3.0
WATCH_PERIOD_S = 0.25
NS_PER_MS = 1_000_000


class CollectNode(Node):
    """The collecting node; docs/collecting.md describes it."""

    def __init__(self) -> None:
        super().__init__('collect_pairs')
        self.params = read_once(self, CollectParams)
        folder = typed_path(self.params.folder).absolute()
        self.recorder = PairRecorder(
            folder,
            quota_gb=self.params.quota_gb,
            min_free_gb=self.params.min_free_gb,
            warn=self.get_logger().warning,
        )
        self.recording_ended = Future()
        self._matcher = PairMatcher(tolerance_ns=round(self.params.tolerance_ms * NS_PER_MS))
        self._rate_limit = RateLimit(self.params.max_rate_hz)
        self._last_ns = self.recorder.last_ns
        self._dropped: Counter[str] = Counter()
        self._since: Counter[str] = Counter()  # counts since the last status line
        self._infos = {view: self._listen_to_info(view) for view in VIEWS}
        self._images = {view: self._subscribe(view) for view in VIEWS}
        # A steady clock, because the ROS clock may stand still with use_sim_time.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(STATUS_PERIOD_S, self._on_status_timer, clock=steady)
        self.create_timer(WATCH_PERIOD_S, self._watch, clock=steady)
        listening = ' and '.join(images.topic_name for images in self._images.values())
        self.get_logger().info(f'listening to {listening}, writing to {folder}')

    def finish(self) -> int:
        """Write the queued pairs, log a summary, and return the exit status."""
        self.recorder.close()
        # After a signal the context is shut down, and logging to rosout would fail.
        self.destroy_node()
        self._log_counts()
        self._log_end()
        return self.recorder.ended.status if self.recorder.ended else 0

    def _on_status_timer(self) -> None:
        self._log_counts()
        for complaint in self._complaints():
            self.get_logger().warning(complaint)
        self._since = Counter({'unpaired before': self._matcher.unpaired})
        self.recorder.fault = None

    def _log_counts(self) -> None:
        recorder = self.recorder
        dropped = self._dropped + Counter(
            {'images without a partner': self._matcher.unpaired, 'unusable': recorder.unusable}
        )
        reasons = ', '.join(f'{n} {reason}' for reason, n in dropped.items()) or 'none'
        self.get_logger().info(
            f'{recorder.written} pairs written, {recorder.size_bytes / BYTES_PER_GB:.3f} of '
            f'{self.params.quota_gb:g} GB used; dropped: {reasons}'
        )

    def _listen_to_info(self, view: str) -> CameraInfoTopic:
        """Subscribe to the calibration of a view (left or right)."""
        rectified = are_rectified(self, f'{view}/image', self.params.rectified)
        return CameraInfoTopic(self, f'{view}/camera_info', rectified=rectified)

    def _subscribe(self, view: str) -> Subscription:
        """Subscribe to the images of a view (left or right)."""
        kind, topic = image_source(self, f'{view}/image', self.params.image_transport)
        return self.create_subscription(
            kind,
            topic,
            partial(self._on_image, view),
            best_effort(QUEUE),
            qos_overriding_options=OVERRIDABLE,
        )

    def _on_image(self, view: str, msg: Image | CompressedImage) -> None:
        self._since[view] += 1
        if decode.stamp_ns(msg.header) == 0:
            msg.header.stamp = self.get_clock().now().to_msg()
            self.get_logger().warning(
                f'{self._images[view].topic_name} has zero stamps: the time of arrival is used '
                'instead, which pairs worse (raise tolerance_ms); let the driver stamp its images',
                once=True,
            )
        pair = self._matcher.take(view, msg)
        if pair is not None:
            self._since['pairs'] += 1
            reason = self._offer(*pair)
            if reason is not None:
                self._dropped[reason] += 1
                self._since[reason] += 1

    def _offer(self, left: Image | CompressedImage, right: Image | CompressedImage) -> str | None:
        """Queue a pair for writing, or return why it is dropped."""
        left_camera, right_camera = (self._infos[view].camera for view in VIEWS)
        if left_camera is None or right_camera is None:
            return 'without a valid camera_info'
        stamp = decode.stamp_ns(left.header)
        # The folder is in the order of time, and a repeated replay must not add pairs twice.
        if self._last_ns is not None and stamp <= self._last_ns:
            return 'not later than the last'
        if not self._rate_limit.is_due(stamp):
            return 'above max_rate_hz'
        self._rate_limit.admit(stamp)
        if not self.recorder.offer(MessagePair(left, right, left_camera, right_camera)):
            return 'because the disk or CPU is too slow'
        self._last_ns = stamp
        return None

    def _watch(self) -> None:
        for info in self._infos.values():
            info.ask_for_latched()
        if self.recorder.ended is not None:
            self._log_end()
            self.recording_ended.set_result(True)

    def _log_end(self) -> None:
        ended = self.recorder.ended
        if ended is not None and not self.recording_ended.done():
            log = self.get_logger().error if ended.status else self.get_logger().info
            log(ended.reason)

    def _complaints(self) -> Iterator[str]:
        """Yield what went wrong since the last status line, and what to do."""
        for view in VIEWS:
            yield from self._infos[view].remarks
            if not self._since[view]:
                yield why_silent(self, self._images[view], f'{view}/image')
            elif (camera := self._infos[view].camera) is None:
                yield self._infos[view].problem
            else:
                remarks = calibration_remarks(camera)
                yield from (f'{view}: {remark}' for remark in remarks)
        if all(self._since[view] for view in VIEWS):
            yield from self._why_unpaired()
        if self._since['not later than the last']:
            yield (
                'stamps are not later than the last written pair, but a folder must be in the '
                'order of time; for another replay, or after a clock was set back, start again '
                'with another folder'
            )
        if self.recorder.fault is not None:
            yield f'pairs dropped: {self.recorder.fault}'

    def _why_unpaired(self) -> Iterator[str]:
        unpaired = self._matcher.unpaired - self._since['unpaired before']
        apart_ns = self._matcher.apart_ns
        if unpaired > self._since['pairs'] and apart_ns is not None:
            yield (
                f'{unpaired} images found no partner: the nearest stamp of the other camera was '
                f'{apart_ns / NS_PER_MS:.1f} ms away, tolerance_ms is '
                f'{self.params.tolerance_ms:g}; trigger the cameras together, or raise '
                f'tolerance_ms for a slow robot. {lost_remedy(self, self._images["left"])}'
            )


def main(args: list[str] | None = None) -> int:
    """Collect until told to stop or the quota is reached; return 1 if pairs cannot be written."""
    check_arguments('collect_pairs', args, (CollectParams,))
    with ros_session(args):
        try:
            node = CollectNode()
        except (OSError, ValueError, ParameterException) as error:
            rclpy.logging.get_logger('collect_pairs').error(str(error))
            return 1
        with suppress(ExternalShutdownException):
            rclpy.spin_until_future_complete(node, node.recording_ended)
        return node.finish()
    return 0


if __name__ == '__main__':
    sys.exit(main())
