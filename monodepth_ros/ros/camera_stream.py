"""The stream of one camera of the node: its subscriptions, outputs and statistics."""

from __future__ import annotations

from functools import partial
import time

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from monodepth_ros.common.errors import one_line, Tracebacks
from monodepth_ros.core.bit_depth import BitDepth
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.messages import decode
from monodepth_ros.messages.decode import NS_PER_S
from monodepth_ros.parameters import DepthNodeParams, DiagnosticsParams, OutputParams
from monodepth_ros.pipeline.camera_remarks import (
    calibration_remarks,
    footprint_remarks,
    rotation_deg,
)
from monodepth_ros.pipeline.outputs import OutputEncoder
from monodepth_ros.pipeline.predictor import Predictor
from monodepth_ros.pipeline.statistics import FrameStatistics
from monodepth_ros.pipeline.worker import CameraFrame, DepthWorker, FrameProcessor, Pipeline
from monodepth_ros.ros.camera_info import are_rectified, Calibration, CameraInfoTopic
from monodepth_ros.ros.depth_publishers import DepthPublishers
from monodepth_ros.ros.image_watch import ImageWatch
from monodepth_ros.ros.live_parameters import LiveParameters
from monodepth_ros.ros.qos import best_effort, OVERRIDABLE, subscription_events, with_events
from monodepth_ros.ros.session import image_source, ROS_CLASSES
from monodepth_ros.ros.silent_topic import why_silent
from monodepth_ros.storage.stamps import RateLimit

# Name of the image topic, after the camera's name.
IMAGE = 'image'
LOG_PERIOD_S = 5.0
# Discovery of other nodes takes about this long.
PATIENCE_S = 3.0


class CameraStream:
    """
    The stream of one camera: from its `image` and `camera_info` to its outputs, through a backend.

    node: the node.
    name: the camera's name, which its topics begin with; '' for an only camera.
    live: the node's parameters.
    backend: computes the images; it belongs to the node.
    calibration: calibration from a file; None to use the camera_info topic.
    log: logger of this camera.
    Raises as rclpy does for an invalid name.
    """

    def __init__(
        self,
        node: LifecycleNode,
        name: str,
        live: LiveParameters,
        backend: Backend,
        calibration: Calibration | None,
    ) -> None:
        self.name = name
        self._node = node
        # A logger for each camera, because throttling counts by logger.
        self.log = node.get_logger().get_child(name) if name else node.get_logger()
        self._live = live
        self._backend = backend
        self._image = self._topic(IMAGE)
        # The node's default group never forgets subscriptions, even destroyed ones.
        self._group = MutuallyExclusiveCallbackGroup()
        rectified = are_rectified(node, self._image, live[DepthNodeParams].rectified)
        self._calibration = calibration or CameraInfoTopic(
            node, self._topic('camera_info'), rectified=rectified, heard=self._on_info
        )
        try:
            self._outputs = DepthPublishers(
                node, self._topic, self._group, has_confidence=backend.has_confidence
            )
        except Exception:
            self._calibration.close()
            raise
        self._last_loss: str | None = None
        self._tracebacks = Tracebacks(ValueError, BuildCancelled)
        self._bit_depth = BitDepth(warn=self.log.warning)
        self._images: Subscription | None = None
        params = live[OutputParams]
        self._processor = FrameProcessor(
            Pipeline(self._predictor(params), OutputEncoder(ROS_CLASSES, params)),
            wanted=self._outputs.wanted,
            log_loss=self._lost,
        )
        self.follow_parameters()

    def start(self, worker: DepthWorker) -> None:
        """Reset the statistics, subscribe to the images, and queue them for the worker."""
        self._started_s = time.monotonic()
        self._processor.start_counting()
        self._watch = ImageWatch(self._node)
        self._last_loss = None
        kind, topic = image_source(
            self._node, self._image, self._live[DepthNodeParams].image_transport
        )
        create = partial(
            self._node.create_subscription,
            kind,
            topic,
            partial(self._on_image, worker),
            best_effort(),
            callback_group=self._group,
            qos_overriding_options=OVERRIDABLE,
        )
        self._images = with_events(create, subscription_events(self._node, topic))
        self.log.info(f'listening to {self._images.topic_name}')

    def stop(self) -> None:
        """Stop listening."""
        if self._images is not None:
            self._node.destroy_subscription(self._images)
            self._images = None

    def close(self) -> None:
        """Stop, and destroy the subscriptions and publishers; the backend stays open."""
        self.stop()
        self._calibration.close()
        self._outputs.close()

    def follow_parameters(self) -> None:
        """Apply changed parameters from the next frame on."""
        max_rate_hz, params = self._live[DepthNodeParams].max_rate_hz, self._live[OutputParams]
        self._rate_limit = RateLimit(max_rate_hz) if max_rate_hz else None
        predictor, encoder = self._processor.pipeline
        before = encoder.params
        if params == before:
            return
        # The predictor keeps its maps unless a parameter that they depend on changed.
        if (params.max_depth_m, params.output_size) != (before.max_depth_m, before.output_size):
            predictor = self._predictor(params)
        self._processor.pipeline = Pipeline(predictor, OutputEncoder(ROS_CLASSES, params))

    def failure_reason(self) -> str | None:
        """Return why the node shall give up, by the parameter give_up_after; None to continue."""
        limit = self._live[DepthNodeParams].give_up_after
        if not limit or self._processor.failures < limit:
            return None
        return f'{self._processor.failures} frames in a row failed: {self._processor.last_failure}'

    def check_inputs(self) -> list[str]:
        """Return the problems that prevent depth output or metric scale; call it every second."""
        self._calibration.ask_for_latched()
        if self._images is None:
            return []
        loss, self._last_loss = self._last_loss, None
        camera = self._calibration.camera
        found = [] if loss is None else [loss]
        if self.statistics.never_received:
            if time.monotonic() - self._started_s > PATIENCE_S:
                found = [why_silent(self._node, self._images, self._image)]
                self.log.warning(found[0], throttle_duration_sec=LOG_PERIOD_S)
        elif loss is None and camera is None:
            found = [self._calibration.problem]
        found += self._watch.remarks(self._images, self._calibration.topic)
        found += self._calibration.remarks
        if camera is not None:
            limit = self._live[DiagnosticsParams].max_footprint_ratio
            found += calibration_remarks(camera)
            found += footprint_remarks(camera, self._backend.spec, limit)
        return found

    @property
    def facts(self) -> dict[str, str]:
        """Return facts about the camera for diagnostics, by name; call it after check_inputs."""
        camera = self._calibration.camera
        facts = {} if self._images is None else self._watch.facts
        angle_deg = None if camera is None else rotation_deg(camera)
        if angle_deg is not None:
            facts['rectified against frame_id (deg)'] = f'{angle_deg:.2f}'
        if self._bit_depth.remark:
            facts['16-bit images'] = self._bit_depth.remark
        return facts

    @property
    def statistics(self) -> FrameStatistics:
        """Return the statistics of the images since start."""
        return self._processor.statistics

    @property
    def image_topic(self) -> str:
        """Return the name of the image topic, after remapping."""
        return str(self._node.resolve_topic_name(self._image))

    @property
    def is_wanted(self) -> bool:
        """Return whether any output has a subscriber."""
        return self._outputs.is_wanted

    def _topic(self, name: str) -> str:
        return f'{self.name}/{name}' if self.name else name

    def _predictor(self, params: OutputParams) -> Predictor:
        return Predictor(
            self._backend,
            max_depth_m=params.max_depth_m or None,
            output_size=params.output_size,
            log=self.log.warning,
        )

    def _on_info(self, stamp_ns: int) -> None:
        if self._images is not None:
            self._watch.info(stamp_ns)

    def _on_image(self, worker: DepthWorker, msg: Image | CompressedImage) -> None:
        """Check and decode an image, and queue it for the worker, which computes the depth."""
        self.statistics.received()
        transport_s = self._watch.image(msg.header)
        if not self.is_wanted:
            return
        rate_limit, now_ns = self._rate_limit, time.monotonic_ns()
        if rate_limit is not None and not rate_limit.is_due(now_ns):
            self.statistics.drop('above max_rate_hz')
            return
        camera = self._calibration.camera
        if camera is None:
            self.statistics.drop('without camera_info')
            self._log_loss(self._calibration.problem)
            return
        try:
            pixels = decode.image_pixels(msg, self._bit_depth)
            camera.check_image(pixels.shape)
        # After any error, also a bug of this package, the next image may be valid.
        except Exception as error:
            self.statistics.drop('not usable')
            self._lost(error)
            return
        if rate_limit is not None:
            rate_limit.admit(now_ns)
        frame = CameraFrame(msg.header, pixels, camera, now_ns / NS_PER_S, transport_s)
        worker.offer(self._processor, frame)

    def _lost(self, error: Exception) -> None:
        """Log why a frame is lost, with the traceback of an unforeseen error once per kind."""
        traceback = self._tracebacks.of(error)
        if traceback is not None and self._node.context.ok():
            self.log.error(traceback)
        self._log_loss(one_line(error))

    def _log_loss(self, why: str) -> None:
        self._last_loss = f'frame dropped: {why}'
        if self._node.context.ok():
            self.log.error(self._last_loss, throttle_duration_sec=LOG_PERIOD_S)
