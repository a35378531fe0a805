"""The lifecycle node: metric depth and point clouds from images and camera_info of cameras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
import gc
import sys
from threading import Event
import time
import traceback

from diagnostic_msgs.msg import DiagnosticStatus
import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from monodepth_ros.common.background import run_in_background
from monodepth_ros.common.errors import Tracebacks
from monodepth_ros.inference.backend import Backend
from monodepth_ros.inference.load import load_backend
from monodepth_ros.inference.tensorrt.engine_cache import BuildCancelled
from monodepth_ros.parameters import (
    BackendParams,
    DEPTH_NODE,
    DepthNodeParams,
    DiagnosticsParams,
)
from monodepth_ros.pipeline.diagnosis import diagnose, ERROR, figures, Finding, judge, WARN
from monodepth_ros.pipeline.worker import DepthWorker
from monodepth_ros.ros.camera_info import are_rectified, CalibrationFile
from monodepth_ros.ros.camera_stream import CameraStream, IMAGE
from monodepth_ros.ros.command_line import check_arguments
from monodepth_ros.ros.diagnostics_publisher import DiagnosticsPublisher
from monodepth_ros.ros.live_parameters import LiveParameters
from monodepth_ros.ros.session import ros_session, spin

try:
    from monodepth_ros.ros.bond import ManagerBond
except ImportError:
    ManagerBond = None  # type: ignore[assignment,misc]  # mypy knows no class that may be absent

DIAGNOSTICS_PERIOD_S = 1.0
LOG_PERIOD_S = 5.0
UNCONFIGURED, CONFIGURING, INACTIVE = 'unconfigured', 'configuring', 'inactive'
ACTIVE, FINALIZED = 'active', 'finalized'
# Pause after a failure of rclpy itself, before the next attempt.
PAUSE_S = 0.1


class DepthNode(LifecycleNode):
    """The depth node; README.md has its topics, docs/parameters.md its parameters."""

    def __init__(self) -> None:
        super().__init__('depth_node')
        self._state = UNCONFIGURED
        self._problem = ''
        self._backend: Backend | None = None
        self._streams: list[CameraStream] = []
        self._worker: DepthWorker | None = None
        self._tracebacks = Tracebacks(ValueError, OSError, BuildCancelled)
        self._bond: ManagerBond | None = None
        # Any frame may build an engine for minutes, which must not delay the shutdown.
        self._stopping = Event()
        self.live = LiveParameters(
            self,
            DEPTH_NODE,
            may_change_all=lambda: self._state == UNCONFIGURED,
            on_change=self._on_parameters,
        )
        self._diagnostics = DiagnosticsPublisher(self)
        # A steady clock, because the ROS clock may stand still with use_sim_time.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DIAGNOSTICS_PERIOD_S, self._every_second, clock=steady)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the publishers; on an error log it and return FAILURE."""
        self._state, self._problem = CONFIGURING, ''
        params = self.live[DepthNodeParams]
        try:
            # Parameters that may be mistyped are read before the model, which may take minutes.
            file = params.camera_info_file
            rectified = are_rectified(self, IMAGE, params.rectified)
            calibration = CalibrationFile(file, rectified=rectified) if file else None
            backend = self._backend = self._load()
            for name in params.camera_names:
                self._streams.append(CameraStream(self, name, self.live, backend, calibration))
        except Exception as error:
            self._fail(error)
            self._release()
            return TransitionCallbackReturn.FAILURE
        self._state = INACTIVE
        self.get_logger().info('ready')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start listening to the cameras; on an error log it and return FAILURE."""
        try:
            self._worker = DepthWorker()
            for stream in self._streams:
                stream.start(self._worker)
            if ManagerBond is not None:
                self._bond = ManagerBond(self)
        except Exception as error:
            self._fail(error)
            self._stop()
            return TransitionCallbackReturn.FAILURE
        self._state, self._problem = ACTIVE, ''
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening; the model stays loaded."""
        self._stop()
        self._state = INACTIVE
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and the publishers."""
        self._release()
        self._problem = ''
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        self._release()
        self._state, self._problem = FINALIZED, ''
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Destroy the node and end the worker, which must not publish on a destroyed node."""
        self._release()
        super().destroy_node()

    def _fail(self, error: Exception) -> None:
        """Log an error of a transition, because rclpy discards its exceptions."""
        self._problem = str(error) or repr(error)
        if self.context.ok():
            self._log_error(error, self._problem)

    def _log_error(self, error: Exception, text: str) -> None:
        """Log a text, after the traceback of an unforeseen error, once per kind."""
        traceback = self._tracebacks.of(error)
        if traceback is not None:
            self.get_logger().error(traceback)
        self.get_logger().error(text)

    def _load(self) -> Backend:
        """Load the model, and publish a diagnosis every second meanwhile."""
        params, options = self.live[DepthNodeParams], asdict(self.live[BackendParams])
        log, started_s = self.get_logger().info, time.monotonic()

        def load(cancelled: Callable[[], bool]) -> Backend:
            return load_backend(
                params.model,
                **options,
                cameras=len(params.camera_names),
                log=log,
                cancelled=lambda: cancelled() or self._stopping.is_set(),
            )

        def meanwhile() -> bool:
            if not self.context.ok():
                return False
            seconds = time.monotonic() - started_s
            self.get_logger().info(
                f'still loading {params.model}, for {seconds:.0f} s now',
                throttle_duration_sec=LOG_PERIOD_S,
            )
            loading = Finding(WARN, f'loading the model for {seconds:.0f} s')
            self._publish_diagnosis([loading])
            return True

        return run_in_background(load, period_s=DIAGNOSTICS_PERIOD_S, meanwhile=meanwhile)

    def _stop(self) -> None:
        """Stop streams and worker: finish the present frame, but cancel the build of an engine."""
        self._stopping.set()
        bond, self._bond = self._bond, None
        if bond is not None:
            bond.close()
        for stream in self._streams:
            stream.stop()
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._stopping.clear()

    def _release(self) -> None:
        self._stop()
        for stream in self._streams:
            stream.close()
        self._streams = []
        backend, self._backend = self._backend, None
        self._state = UNCONFIGURED
        if backend is not None:
            try:
                backend.close()
            # After an error of the GPU nothing can be freed.
            except Exception as error:
                self._log_error(error, f'the engine does not close: {error}')
        # Streams and their callbacks are reference cycles of many megabytes; free them now.
        gc.collect()

    def _on_parameters(self) -> None:
        for stream in self._streams:
            stream.follow_parameters()

    def _every_second(self) -> None:
        failure_reason = next(
            filter(None, (stream.failure_reason() for stream in self._streams)), None
        )
        if failure_reason is not None and self._state == ACTIVE:
            self.trigger_deactivate()
            self.trigger_cleanup()
            self._problem = f'{failure_reason}; configure and activate the node to try again'
            self.get_logger().error(self._problem)
        if self._streams:
            self._diagnostics.publish([self._status(stream) for stream in self._streams])
        else:
            self._publish_diagnosis([Finding(ERROR, self._problem)] if self._problem else [])

    def _publish_diagnosis(self, findings: list[Finding]) -> None:
        """Publish the diagnosis of a node without cameras."""
        diagnosis = diagnose(findings, state=self._state, values={})
        self._diagnostics.publish([self._diagnostics.status(diagnosis)])

    def _status(self, stream: CameraStream) -> DiagnosticStatus:
        findings = [Finding(ERROR, self._problem)] if self._problem else []
        findings += [Finding(WARN, obstacle) for obstacle in stream.check_inputs()]
        assert self._backend is not None  # as there are streams
        values = self._backend.facts | stream.facts
        if self._state == ACTIVE:
            summary, limits = stream.statistics.summary(), self.live[DiagnosticsParams]
            assert self._worker is not None
            busy_s = self._worker.busy_s
            findings += judge(summary, limits, wanted=stream.is_wanted, busy_s=busy_s)
            values |= figures(summary)
        diagnosis = diagnose(findings, state=self._state, values=values)
        return self._diagnostics.status(
            diagnosis, camera=stream.name, hardware_id=stream.image_topic
        )


def main(args: list[str] | None = None) -> int:
    """Run the node until it is told to stop; return 1 when autostart fails."""
    check_arguments('depth_node', args, DEPTH_NODE)
    with ros_session(args):
        try:
            node = DepthNode()
        except (ValueError, ParameterException) as error:
            rclpy.logging.get_logger('depth_node').error(str(error))
            return 1
        try:
            if node.live[DepthNodeParams].autostart and not _started(node):
                return 1
            _spin(node)
        finally:
            # At exit, libraries end in any order, and shared memory might stay.
            node.destroy_node()
    return 0


def _spin(node: DepthNode) -> None:
    while rclpy.ok():
        try:
            spin(node)
        # RCLError is a RuntimeError: raised for a transition that the state does not allow
        # (ros2/rclpy#1209). rclpy itself raises one if a signal comes while it takes a message.
        except RuntimeError as error:
            problem = str(error)
        # A bug in a callback: the error is logged, and the node keeps running for the robot.
        except Exception:
            problem = traceback.format_exc()
        else:
            continue
        if rclpy.ok():
            node.get_logger().error(problem, throttle_duration_sec=LOG_PERIOD_S)
            time.sleep(PAUSE_S)


def _started(node: DepthNode) -> bool:
    """Return whether the node is active, or was told to stop meanwhile."""
    success = TransitionCallbackReturn.SUCCESS
    began = node.trigger_configure() == success and node.trigger_activate() == success
    return began or not rclpy.ok()


if __name__ == '__main__':
    sys.exit(main())
