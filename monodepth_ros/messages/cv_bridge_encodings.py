"""Decoding of image encodings that the core does not know, by cv_bridge where it is installed."""

from __future__ import annotations

from functools import cache
import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np

from monodepth_ros.common.errors import one_line
from monodepth_ros.core.image_encodings import ENCODINGS

# Images wait for the trial, but a robot that is starting may read the libraries from a slow disk.
TRIAL_LIMIT_S = 10.0
TRIAL = """
from types import SimpleNamespace
from cv_bridge import CvBridge
grey = dict(encoding='mono16', width=1, height=1, step=2, is_bigendian=0, data=bytes(2))
CvBridge().imgmsg_to_cv2(SimpleNamespace(**grey), 'rgb8')
"""


def decode_with_cv_bridge(msg: Any) -> np.ndarray:
    """
    Convert an Image whose encoding is not in ENCODINGS to (H, W, 3) uint8 RGB, by cv_bridge.

    Raises ValueError where cv_bridge is missing, does not work, or does not convert the image.
    """
    problem = cv_bridge_problem()
    if problem is None:
        try:
            return _by_cv_bridge(msg)
        except Exception as error:  # cv_bridge, its C++ part and numpy raise different ones
            problem = f'cv_bridge does not convert it: {one_line(error)}'
    raise ValueError(
        f'got image encoding {msg.encoding!r}, expected one of {list(ENCODINGS)}, or one that '
        f'cv_bridge converts; {problem}'
    )


@cache
def cv_bridge_problem() -> str | None:
    """
    Return why cv_bridge cannot be used; None if it can.

    The answer comes from one conversion in a separate process, within TRIAL_LIMIT_S: a cv_bridge
    built for another NumPy ends the process, or never returns, and the node must survive that.
    """
    if importlib.util.find_spec('cv_bridge') is None:
        return 'cv_bridge is not installed here'
    try:
        trial = subprocess.run(
            [sys.executable, '-c', TRIAL],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TRIAL_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return (
            f'the cv_bridge installed here did not convert an image within {TRIAL_LIMIT_S:g} s; '
            'start again if the machine was busy, or reinstall it'
        )
    if trial.returncode < 0:
        return (
            f'the cv_bridge installed here ends with signal {-trial.returncode}; was it built for '
            f'another NumPy than {np.__version__}?'
        )
    if trial.returncode:
        _, _, last_line = trial.stderr.strip().rpartition('\n')
        return f'the cv_bridge installed here fails: {last_line}'
    return None


def _by_cv_bridge(msg: Any) -> np.ndarray:
    from cv_bridge import CvBridge

    bridge = CvBridge()
    dtype, channels = bridge.encoding_to_dtype_with_channels(msg.encoding)
    pixel_bytes = channels * np.dtype(dtype).itemsize
    # cv_bridge cuts rows by whole pixels: a fraction of a pixel would shift the following rows.
    row_bytes = msg.width * pixel_bytes
    if min(msg.width, msg.height) <= 0 or msg.step < row_bytes or msg.step % pixel_bytes:
        raise ValueError(
            f'it is {msg.width} x {msg.height} pixels of {pixel_bytes} bytes with step {msg.step}'
        )
    return np.asarray(bridge.imgmsg_to_cv2(msg, 'rgb8'), np.uint8)
