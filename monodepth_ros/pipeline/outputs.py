"""Messages from predictions: one table of topics for the node and for replay."""

from __future__ import annotations

from functools import lru_cache
import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from monodepth_ros.core.camera import Camera, Intrinsics
from monodepth_ros.core.colors import DepthColors
from monodepth_ros.core.pointcloud import clearing_depth, CloudPacker
from monodepth_ros.messages import encode
from monodepth_ros.messages.topics import (
    ALIGNED,
    CLEARING,
    COLORED,
    CONFIDENCE,
    DEPTH,
    DISPARITY,
    INFO,
    POINTS,
)
from monodepth_ros.parameters import OutputParams
from monodepth_ros.pipeline.predictor import Prediction
from monodepth_ros.pipeline.steady_camera import KEPT_CAMERAS


class OutputEncoder:
    """
    Makes the messages of one predictor's predictions; its buffers are reused.

    The buffers of clouds are kept for the last KEPT_CAMERAS: up to 30 MB per million points each.

    classes: see message_classes.
    params: parameters of the outputs.
    """

    def __init__(self, classes: SimpleNamespace, params: OutputParams) -> None:
        self._classes = classes
        self.params = params
        self._colors = DepthColors(
            params.color_map, near_m=params.color_near_m, far_m=params.color_far_m
        )
        self._packers_of = lru_cache(maxsize=KEPT_CAMERAS)(_no_packers)
        self._encoders = {
            INFO: self._camera_info,
            DEPTH: self._depth,
            DISPARITY: self._disparity,
            CONFIDENCE: self._confidence,
            COLORED: self._colored,
            ALIGNED: self._aligned,
            POINTS: self._points,
            CLEARING: self._clearing,
        }

    def message(self, topic: str, header: Any, prediction: Prediction) -> Any:
        """Return the message of a topic of OUTPUTS, with the header of the input image."""
        return self._encoders[topic](header, prediction)

    def _camera_info(self, header: Any, prediction: Prediction) -> Any:
        return encode.camera_info(self._classes, header, prediction.camera)

    def _depth(self, header: Any, prediction: Prediction) -> Any:
        return encode.depth_image(
            self._classes, header, prediction.depth_m, self.params.depth_encoding
        )

    def _disparity(self, header: Any, prediction: Prediction) -> Any:
        return encode.disparity_image(
            self._classes,
            header,
            prediction.disparity_px,
            focal_px=prediction.camera.fx,
            baseline_m=prediction.baseline_m,
            depth_range_m=prediction.depth_range_m,
        )

    def _confidence(self, header: Any, prediction: Prediction) -> Any:
        assert prediction.confidence is not None  # see NEED_CONFIDENCE
        return encode.confidence_image(self._classes, header, prediction.confidence)

    def _colored(self, header: Any, prediction: Prediction) -> Any:
        return encode.color_image(self._classes, header, self._colors.paint(prediction.depth_m))

    def _aligned(self, header: Any, prediction: Prediction) -> Any:
        return encode.color_image(self._classes, header, prediction.color)

    def _points(self, header: Any, prediction: Prediction) -> Any:
        color = prediction.color if self.params.points_color else None
        return self._cloud(POINTS, header, prediction, prediction.depth_m, color)

    def _clearing(self, header: Any, prediction: Prediction) -> Any:
        assert prediction.confidence is not None  # see NEED_CONFIDENCE
        depth_m = clearing_depth(
            prediction.depth_m,
            prediction.confidence,
            range_m=self.params.points_max_m or prediction.depth_range_m[1],
            min_confidence=self.params.clearing_confidence,
        )
        return self._cloud(CLEARING, header, prediction, depth_m, None)

    def _cloud(
        self,
        topic: str,
        header: Any,
        prediction: Prediction,
        depth_m: np.ndarray,
        color: np.ndarray | None,
    ) -> Any:
        flying = prediction.flying if self.params.points_drop_flying else None
        cloud = self._packer(topic, prediction).pack(depth_m, color, flying)
        return encode.point_cloud(self._classes, header, cloud)

    def _packer(self, topic: str, prediction: Prediction) -> CloudPacker:
        """Return the packer of a topic; each topic needs its own, which reuses its buffers."""
        packers = self._packers_of(prediction.camera, prediction.live_camera)
        if topic not in packers:
            packers[topic] = CloudPacker(
                prediction.camera,
                stride=self.params.points_stride,
                min_depth_m=self.params.points_min_m,
                max_depth_m=self.params.points_max_m or math.inf,
                # The header names the raw camera's frame, and R rotated its axes.
                frame_from_camera=prediction.live_camera.rectified_from_frame.T,
            )
        return packers[topic]


def _no_packers(camera: Intrinsics, live_camera: Camera) -> dict[str, CloudPacker]:
    """Return the packers of a new pair of cameras, by topic; they are created on first use."""
    return {}
