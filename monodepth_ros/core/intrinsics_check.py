"""Signs that intrinsics are not those of the image that they come with."""

from __future__ import annotations

from fractions import Fraction
import math

from monodepth_ros.core.camera import Intrinsics

MIN_VIEW_DEG, MAX_VIEW_DEG = 5.0, 170.0
# fx over fy, either way: no sensor has pixels of such a shape, nor is an image stretched so.
MAX_PIXEL_ASPECT = 2.0
# No lens has its focal length in so few pixels; those of a K divided by the image's width are 1.
MIN_FOCAL_PX = 10.0
# Of the size whose middle the principal point is, to the image's, in both axes alike. Lenses
# and rectified views are off by up to 1.1, and not in both.
MAX_SIZE_RATIO, SIZE_RATIO_AGREEMENT = 1.2, 1.15
# Images are resized by 1/2, 2/3, 4/5 and the like.
MAX_SIZE_DENOMINATOR = 5


def intrinsics_fault(camera: Intrinsics) -> str | None:
    """
    Return why intrinsics cannot be those of an image of their size, or None.

    Looks for normalised ones, those of another size, which it names, a principal point outside
    the image, a field of view beyond 5 to 170 degrees, and pixels of more than 1 : 2.
    """
    reason = _reason(camera)
    return reason and (
        f'fx {camera.fx:g}, fy {camera.fy:g}, cx {camera.cx:g}, cy {camera.cy:g} cannot be of '
        f'this image of {camera.width} x {camera.height} px: {reason}'
    )


def _reason(camera: Intrinsics) -> str | None:
    if max(camera.fx, camera.fy) < MIN_FOCAL_PX:
        return 'they look normalised; multiply them by the width and the height in px'
    size = _size_that_fits(camera)
    if size is not None:
        return (
            f'they are those of {size[0]} x {size[1]} px; scale them to the image, or take the '
            'images at their full size'
        )
    if not (-0.5 <= camera.cx < camera.width and -0.5 <= camera.cy < camera.height):
        return 'the principal point is outside the image; was it cropped after calibration?'
    widest_deg, narrowest_deg = _view_deg(camera)
    if widest_deg > MAX_VIEW_DEG or narrowest_deg < MIN_VIEW_DEG:
        return (
            f'they see {narrowest_deg:.3g} to {widest_deg:.3g} degrees, expected {MIN_VIEW_DEG:g} '
            f'to {MAX_VIEW_DEG:g}; were they measured at another size?'
        )
    aspect = max(camera.fx / camera.fy, camera.fy / camera.fx)
    if aspect > MAX_PIXEL_ASPECT:
        return (
            f'fx and fy differ by a factor of {aspect:.3g}, expected {MAX_PIXEL_ASPECT:g} at most'
        )
    return None


def _size_that_fits(camera: Intrinsics) -> tuple[int, int] | None:
    """Return the width and height whose middle the principal point is, if they are others."""
    ratios = (2 * camera.cx + 1) / camera.width, (2 * camera.cy + 1) / camera.height
    if min(ratios) <= 0 or max(ratios) > SIZE_RATIO_AGREEMENT * min(ratios):
        return None
    ratio = math.sqrt(ratios[0] * ratios[1])
    if max(ratio, 1 / ratio) <= MAX_SIZE_RATIO:
        return None
    simple = Fraction(ratio).limit_denominator(MAX_SIZE_DENOMINATOR) or Fraction(ratio)
    return round(camera.width * simple), round(camera.height * simple)


def _view_deg(camera: Intrinsics) -> tuple[float, float]:
    """Return the larger and the smaller one of the horizontal and the vertical field of view."""
    sides = (camera.width / camera.fx, camera.height / camera.fy)
    views = [math.degrees(2 * math.atan(side / 2)) for side in sides]
    return max(views), min(views)
