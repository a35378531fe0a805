"""
A procedural world with exact depth: textured ground, walls, boxes and cylinders in varied light.

The axes of the world are x right, y down, z forward; the ground is y = 0. Every ray is intersected
with every object, so that the view of any camera, distorted or not, is exact but for aliasing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math
from typing import NamedTuple

import cv2
import numpy as np

from demo.texture import sample_noise, Surface
from monodepth_ros.core.camera import Camera

SKY = -1
GROUND = 0


@dataclass(frozen=True)
class Box:
    """A box on the ground at (x_m, z_m), rotated by yaw_rad about the vertical."""

    x_m: float
    z_m: float
    half_x_m: float
    half_z_m: float
    height_m: float
    yaw_rad: float
    surface: Surface


@dataclass(frozen=True)
class Cylinder:
    """An upright, open cylinder on the ground."""

    x_m: float
    z_m: float
    radius_m: float
    height_m: float
    surface: Surface


@dataclass(frozen=True)
class Scene:
    """A part of the world; to_light is a unit vector, ambient the fraction of ambient light."""

    ground: Surface
    objects: tuple[Box | Cylinder, ...]
    to_light: np.ndarray
    ambient: float
    exposure: float
    sky: np.ndarray


@dataclass(frozen=True)
class Pose:
    """The pose of a rectified camera; pitch_rad is positive down, yaw_rad positive right."""

    x_m: float
    z_m: float
    height_m: float
    pitch_rad: float = 0.0
    yaw_rad: float = 0.0

    def world_from_camera(self) -> np.ndarray:
        """Return the rotation from camera to world, (3, 3)."""
        cp, sp = math.cos(self.pitch_rad), math.sin(self.pitch_rad)
        cy, sy = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        return np.asarray(yaw @ np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]]))

    def moved_right(self, distance_m: float) -> Pose:
        """Return the pose moved by distance_m along the camera's x axis."""
        dx, dz = distance_m * math.cos(self.yaw_rad), -distance_m * math.sin(self.yaw_rad)
        return Pose(self.x_m + dx, self.z_m + dz, self.height_m, self.pitch_rad, self.yaw_rad)


class View(NamedTuple):
    """An image, (H, W, 3) uint8, and its depth, (H, W) float32, rectified Z, inf for sky."""

    rgb: np.ndarray
    depth_m: np.ndarray


def make_scene(rng: np.random.Generator) -> Scene:
    """Make a street-like scene ahead of z = 0, with |x| < 0.7 m free up to z = 9 m."""
    walls = [_side_wall(rng, side) for side in (-1, 1) if rng.random() < 0.8]
    end = Box(0, rng.uniform(22, 70), 40, 1, rng.uniform(2, 9), rng.normal(0, 0.1), _surface(rng))
    things = [_thing(rng) for _ in range(rng.integers(10, 19))]
    direction = np.array([rng.uniform(-1, 1), -rng.uniform(0.4, 1.2), rng.uniform(-1, 0.4)])
    return Scene(
        ground=_surface(rng),
        objects=(*walls, end, *things),
        to_light=direction / np.linalg.norm(direction),
        ambient=rng.uniform(0.35, 0.7),
        exposure=rng.uniform(0.7, 1.3),
        sky=np.clip(rng.uniform(0.55, 1.0) * np.array([0.8, 0.9, 1.0]), 0, 1),
    )


def render(scene: Scene, camera: Camera, pose: Pose) -> View:
    """Render the view of a camera; pose is that of its rectified frame."""
    rays = camera_rays(camera)  # (H, W, 3), rectified frame
    # Use (3, N): numpy reduces a short first axis many times faster than a short last one.
    directions = pose.world_from_camera().astype(np.float32) @ rays.reshape(-1, 3).T
    origin = np.array([pose.x_m, -pose.height_m, pose.z_m], np.float32)
    distance, index = _nearest_hits(scene, origin, directions)
    color = _shade(scene, origin, directions, distance, index, focal_px=camera.k[0])
    depth_m = distance.reshape(rays.shape[:2]) * rays[..., 2]
    rgb = (255 * np.clip(color, 0, 1)).astype(np.uint8).reshape(rays.shape)
    return View(rgb, depth_m)


@lru_cache(maxsize=8)
def camera_rays(camera: Camera) -> np.ndarray:
    """Return the ray of every raw pixel in the rectified frame, (H, W, 3) float32."""
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
    pixels = grid.reshape(-1, 1, 2).astype(np.float64)
    k, d = np.reshape(camera.k, (3, 3)), np.asarray(camera.d or (0.0,) * 5)
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-10)
    fisheye = camera.distortion_model == 'equidistant'
    undistort = cv2.fisheye.undistortPoints if fisheye else cv2.undistortPoints
    normalised = undistort(pixels, k, d, criteria=criteria)[:, 0]
    raw = np.concatenate([normalised, np.ones((len(normalised), 1))], axis=1)
    rays: np.ndarray = raw @ camera.rotation.T
    return rays.reshape(camera.height, camera.width, 3).astype(np.float32)


def _nearest_hits(
    scene: Scene, origin: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the distance to the first object of each ray, and the number of that object.

    scene: the objects.
    origin: (3,) m.
    directions: (3, N), the unit of the distances.
    Returns (N,) distances, inf for sky, and (N,) numbers: SKY, GROUND, or 1 + index in objects.
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        nearest = np.where(directions[1] > 0, -origin[1] / directions[1], np.inf)
        index = np.where(np.isfinite(nearest), GROUND, SKY)
        for number, thing in enumerate(scene.objects, start=1):
            hit = _hit(thing, origin, directions)
            closer = hit < nearest
            nearest[closer] = hit[closer]
            index[closer] = number
    return nearest.astype(np.float32), index


def _box_from_world(box: Box) -> np.ndarray:
    c, s = math.cos(box.yaw_rad), math.sin(box.yaw_rad)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]], np.float32)


def _foot(thing: Box | Cylinder) -> np.ndarray:
    return np.array([thing.x_m, 0, thing.z_m], np.float32)


def _box_limits(box: Box) -> tuple[np.ndarray, np.ndarray]:
    low = np.array([-box.half_x_m, -box.height_m, -box.half_z_m], np.float32)
    return low, np.array([box.half_x_m, 0, box.half_z_m], np.float32)


def _hit(thing: Box | Cylinder, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    if isinstance(thing, Box):
        return _hit_box(thing, origin, directions)
    return _hit_cylinder(thing, origin, directions)


def _hit_box(box: Box, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    start = _box_from_world(box) @ (origin - _foot(box))
    local = _box_from_world(box) @ directions
    low, high = _box_limits(box)
    first, last = (((side - start)[:, None] / local) for side in (low, high))
    enter = np.minimum(first, last).max(axis=0)
    leave = np.maximum(first, last).min(axis=0)
    return np.where((enter <= leave) & (enter > 0), enter, np.inf)


def _hit_cylinder(thing: Cylinder, origin: np.ndarray, directions: np.ndarray) -> np.ndarray:
    start_x, _, start_z = origin - _foot(thing)
    dx, dy, dz = directions
    a = dx * dx + dz * dz
    b = dx * start_x + dz * start_z
    root = np.sqrt(b * b - a * (start_x**2 + start_z**2 - thing.radius_m**2))
    enter = (-b - root) / a
    y = origin[1] + enter * dy
    return np.where((enter > 0) & (y <= 0) & (y >= -thing.height_m), enter, np.inf)


def _shade(
    scene: Scene,
    origin: np.ndarray,
    directions: np.ndarray,
    distance: np.ndarray,
    index: np.ndarray,
    *,
    focal_px: float,
) -> np.ndarray:
    """
    Return the colours of rays: Lambert shading of noise textures, and a gradient for the sky.

    scene: objects and light.
    origin: (3,) m.
    directions: (3, N).
    distance, index: (N,), see _nearest_hits.
    focal_px: focal length of the image, which gives the size of a pixel on a surface.
    Returns (N, 3) RGB, about 0..1.
    """
    color: np.ndarray = scene.sky * (1 - 0.35 * np.clip(-directions[1], 0, 1))[:, None]
    for number in np.unique(index[index != SKY]):
        seen = index == number
        ray = directions[:, seen].T
        point = origin + ray * distance[seen, None]
        surface, across, normal = _surface_at(scene, number, point)
        facing = np.abs(np.einsum('nc,nc->n', normal, ray))
        footprint_m = distance[seen] / focal_px / np.sqrt(np.maximum(facing, 0.02))
        noise = sample_noise(surface, across, footprint_m)
        light = scene.ambient + (1 - scene.ambient) * np.clip(normal @ scene.to_light, 0, 1)
        albedo = surface.low + (surface.high - surface.low) * noise[:, None]
        color[seen] = albedo * light[:, None] * scene.exposure
    return color


def _surface_at(
    scene: Scene, number: int, point: np.ndarray
) -> tuple[Surface, np.ndarray, np.ndarray]:
    """Return the surface, texture coordinates (n, 2) in m and unit normals (n, 3) of points."""
    if number == GROUND:
        return scene.ground, point[:, [0, 2]], np.tile([0.0, -1.0, 0.0], (len(point), 1))
    thing = scene.objects[number - 1]
    if isinstance(thing, Cylinder):
        radial = (point[:, [0, 2]] - [thing.x_m, thing.z_m]) / thing.radius_m
        arc_m = np.arctan2(radial[:, 1], radial[:, 0]) * thing.radius_m
        normal = np.stack([radial[:, 0], np.zeros(len(point)), radial[:, 1]], axis=1)
        return thing.surface, np.stack([arc_m, point[:, 1]], axis=1), normal
    return thing.surface, *_on_box(thing, point)


def _on_box(box: Box, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    local = (point - _foot(box)) @ _box_from_world(box).T
    low, high = _box_limits(box)
    to_face = np.minimum(np.abs(local - low), np.abs(local - high))
    axis = np.argmin(to_face, axis=1)
    across = np.where((axis == 0)[:, None], local[:, [2, 1]], local[:, [0, 1]])
    across = np.where((axis == 1)[:, None], local[:, [0, 2]], across)
    normal = np.eye(3)[axis] * np.sign(local - (low + high) / 2)
    return across, normal @ _box_from_world(box)


def _surface(rng: np.random.Generator) -> Surface:
    base = rng.uniform(0.15, 0.75) * (1 + rng.uniform(-0.35, 0.35, 3))
    contrast = rng.uniform(0.35, 0.9)
    low, high = base * (1 - contrast), base * (1 + contrast)
    return Surface(low, high, rng.uniform(8, 16), rng.uniform(0, 16, 2))


def _side_wall(rng: np.random.Generator, side: int) -> Box:
    thickness, distance = 1.0, rng.uniform(1.8, 10)
    height, yaw = rng.uniform(1.5, 7), rng.normal(0, 0.03)
    start, length = rng.uniform(-5, 8), rng.uniform(20, 80)
    x_m = side * (distance + thickness)
    return Box(x_m, start + length / 2, thickness, length / 2, height, yaw, _surface(rng))


def _thing(rng: np.random.Generator) -> Box | Cylinder:
    z_m = rng.uniform(3.5, 30)
    clear_m = 1.9 if z_m < 10 else 0.0
    x_m = rng.choice([-1, 1]) * rng.uniform(clear_m, clear_m + 0.3 * z_m)
    height_m = rng.uniform(0.5, 4)
    if rng.random() < 0.4:
        return Cylinder(x_m, z_m, rng.uniform(0.15, 0.8), height_m, _surface(rng))
    half_x_m, half_z_m = rng.uniform(0.3, 0.8, 2) if z_m < 10 else rng.uniform(0.5, 2.5, 2)
    return Box(x_m, z_m, half_x_m, half_z_m, height_m, rng.uniform(0, math.pi), _surface(rng))
