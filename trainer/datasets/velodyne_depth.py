"""Definitions of the depth of a Velodyne's point."""

from __future__ import annotations

from typing import Literal

VelodyneDepth = Literal['optical', 'laser_x']
LABELS = {
    'optical': 'Velodyne, depth along the optical axis',
    'laser_x': "Velodyne, the laser's x as depth (as in the papers)",
}
