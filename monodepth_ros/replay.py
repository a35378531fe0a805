"""
`python -m monodepth_ros.replay SOURCE --model model.onnx -o OUT`: depth without a ROS graph.

SOURCE is a rosbag2, or with --camera-info an image, a folder of images or a video. What depth_node
would publish, frame by frame and as fast as the machine allows, is written to the recording OUT.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
import sys
import time

from monodepth_ros import messages
from monodepth_ros.bag import Bag, BagMessage, CLASSES, STORAGE_SUFFIXES
from monodepth_ros.bag_cameras import described_topic, find_camera
from monodepth_ros.bag_writer import BagWriter, write_bag
from monodepth_ros.camera_yaml import read_camera_yaml
from monodepth_ros.core.camera import Camera
from monodepth_ros.frames import bag_frames, count_files, file_frames, Frame
from monodepth_ros.inference.backend import load_backend
from monodepth_ros.outputs import CONFIDENCE, DEPTH, INFO, OutputMaker, OUTPUTS, POINTS
from monodepth_ros.parameters import OutputParams, RECTIFIED
from monodepth_ros.predictor import Predictor

# What shells report of a command that Ctrl-C ended.
INTERRUPTED = 130
STATUS_PERIOD_S = 1.0
