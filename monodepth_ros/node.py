"""The lifecycle node: one camera's images and camera_info in, metric depth and points out."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
import sys

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from monodepth_ros import messages
from monodepth_ros.core.camera import Camera
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.load import load_backend
from monodepth_ros.outputs import CONFIDENCE, OutputMaker, OUTPUTS
from monodepth_ros.parameters import (
    BackendParams,
    DepthNodeParams,
    OutputParams,
    read_parameters,
)
from monodepth_ros.predictor import Predictor
from monodepth_ros.ros_session import (
    CLASSES,
    declare_read_only,
    image_source,
    message_class,
    ros_session,
)

# Best effort receives from reliable and best-effort cameras alike; a stale frame is worth nothing.
NEWEST_FRAME = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
# Reliable is received by both kinds of subscribers.
OUTPUT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.RELIABLE
)
LOG_PERIOD_S = 5.0


class DepthNode(LifecycleNode):
    """See README.md for its topics and parameters."""

    def __init__(self) -> None:
        super().__init__('depth_node')
        declare = partial(declare_read_only, self)
        self.params = read_parameters(DepthNodeParams, declare)
        self._backend_params = read_parameters(BackendParams, declare)
        self._output_params = read_parameters(OutputParams, declare)
        self._backend: Backend | None = None
        self._camera: Camera | None = None
        self._outputs: dict[str, Publisher] = {}

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and make the publishers; FAILURE, with the reason logged, without one."""
        try:
            self._backend = load_backend(
                self.params.model, **asdict(self._backend_params), tell=self.get_logger().info
            )
        # rclpy swallows what a transition raises, so nobody would learn the reason.
        except Exception as error:
            self.get_logger().error(str(error) or repr(error))
            return TransitionCallbackReturn.FAILURE
        self._predictor = Predictor(
            self._backend,
            max_depth_m=self._output_params.max_depth_m or None,
            output_size=self._output_params.output_size,
            tell=self.get_logger().warning,
        )
        self._maker = OutputMaker(CLASSES, self._output_params)
        self._outputs = {
            topic: self.create_lifecycle_publisher(message_class(kind), topic, OUTPUT)
            for topic, kind in OUTPUTS.items()
            if topic != CONFIDENCE or self._backend.has_confidence
        }
        self.get_logger().info('ready')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start listening to the camera."""
        image_class, image_topic = image_source(self, 'image', self.params.image_transport)
        self._image_sub = self.create_subscription(
            image_class, image_topic, self._on_image, NEWEST_FRAME
        )
        self._info_sub = self.create_subscription(
            CameraInfo, 'camera_info', self._on_camera_info, NEWEST_FRAME
        )
        self.get_logger().info(f'listening to {self._image_sub.topic_name}')
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening; the model stays loaded."""
        self.destroy_subscription(self._image_sub)
        self.destroy_subscription(self._info_sub)
        self._camera = None
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and the publishers."""
        self._release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        if state.label == 'active':
            self.on_deactivate(state)
        if self._backend is not None:
            self._release()
        return super().on_shutdown(state)

    def _on_camera_info(self, msg: CameraInfo) -> None:
        try:
            camera = messages.camera_from_info(msg)
            self._camera = camera.as_rectified() if self.params.rectified else camera
        except ValueError as error:
            self._camera = None
            self.get_logger().error(str(error), throttle_duration_sec=LOG_PERIOD_S)

    def _on_image(self, msg: Image | CompressedImage) -> None:
        wanted = [t for t, output in self._outputs.items() if output.get_subscription_count()]
        if not wanted:
            return
        if self._camera is None:
            self.get_logger().error(
                'frame dropped: no valid camera_info on '
                f'{self.resolve_topic_name("camera_info")} yet; metric depth needs one',
                throttle_duration_sec=LOG_PERIOD_S,
            )
            return
        try:
            prediction = self._predictor.predict(messages.image_pixels(msg), self._camera)
        except ValueError as error:
            self.get_logger().error(f'frame dropped: {error}', throttle_duration_sec=LOG_PERIOD_S)
            return
        for topic in wanted:
            self._outputs[topic].publish(self._maker.message(topic, msg.header, prediction))

    def _release(self) -> None:
        self._backend.close()
        self._backend = None
        del self._predictor, self._maker
        for publisher in self._outputs.values():
            self.destroy_lifecycle_publisher(publisher)
        self._outputs = {}


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; 1 when autostart fails."""
    with ros_session(args):
        try:
            node = DepthNode()
        except (ValueError, ParameterException) as error:
            rclpy.logging.get_logger('depth_node').error(str(error))
            return 1
        try:
            if node.params.autostart and not _started(node):
                return 1
            _spin(node)
        finally:
            # At exit, libraries end in any order: shared memory might be left.
            node.destroy_node()
    return 0


def _spin(node: DepthNode) -> None:
    while rclpy.ok():
        try:
            rclpy.spin(node)
        # RCLError, which is one, for a request for a transition that the state does not have
        # (ros2/rclpy#1209); rclpy's own where a signal comes while it takes a message.
        except RuntimeError as error:
            if rclpy.ok():
                node.get_logger().error(str(error), throttle_duration_sec=LOG_PERIOD_S)


def _started(node: DepthNode) -> bool:
    success = TransitionCallbackReturn.SUCCESS
    return node.trigger_configure() == success and node.trigger_activate() == success


if __name__ == '__main__':
    sys.exit(main())
