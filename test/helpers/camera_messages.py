"""The messages of one camera, whose disparities the tiny model reads off its red."""

from __future__ import annotations

from array import array

import cv2
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

WIDTH, HEIGHT = 160, 120
FRAME_ID = 'front_camera_optical_frame'
# Not the model's camera: another focal length, aspect and principal point, and distortion.
K = [90.0, 0, 85.0, 0, 92.0, 55.0, 0, 0, 1.0]
P = [80.0, 0, 82.0, 0, 0, 80.0, 58.0, 0, 0, 0, 1.0, 0]
D = [-0.2, 0.05, 0.0, 0.0, 0.0]
NEAR_RED, FAR_RED = 204, 51
NEAR_GREEN, FAR_GREEN = 102, 255


def _stamped(message, second):
    message.header.stamp.sec = second
    message.header.frame_id = FRAME_ID
    return message


def info(second, k=K):
    """A camera's CameraInfo; its stamp is a second."""
    return _stamped(
        CameraInfo(width=WIDTH, height=HEIGHT, distortion_model='plumb_bob', d=D, k=k, p=P), second
    )


def pixels():
    """Left half far, right half near: the model's disparity is red / 1020, see tiny_model."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, : WIDTH // 2, :2] = FAR_RED, FAR_GREEN
    rgb[:, WIDTH // 2 :, :2] = NEAR_RED, NEAR_GREEN
    return rgb


def image(second, *, step=3 * WIDTH):
    """Its Image."""
    message = Image(width=WIDTH, height=HEIGHT, encoding='rgb8', step=step)
    message.data = array('B', pixels().tobytes())
    return _stamped(message, second)


def png(second):
    """The same as a CompressedImage."""
    data = cv2.imencode('.png', pixels()[..., ::-1])[1].tobytes()
    return _stamped(CompressedImage(format='png', data=array('B', data)), second)
