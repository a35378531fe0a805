"""Checks that find intrinsics which do not belong to their image."""

from __future__ import annotations

from fractions import Fraction
import math

from monodepth_ros.core.camera import Intrinsics

MIN_VIEW_DEG, MAX_VIEW_DEG = 5.0, 170.0
# Larger of fx / fy and fy / fx: neither sensor pixels nor resized images are stretched so far.
MAX_PIXEL_ASPECT = 2.0
# No lens has such a short focal length; a K divided by the image's width has about 1.
MIN_FOCAL_PX = 10.0
# Ratio of the image size that is centred at the principal point to the actual size, and how far
# the ratios of both axes may differ. Real lenses and rectified views reach 1.1, in one axis only.
MAX_SIZE_RATIO, SIZE_RATIO_AGREEMENT = 1.2, 1.15
# Images are resized by fractions such as 1/2, 2/3 or 4/5.
MAX_SIZE_DENOMINATOR = 5


def intrinsics_fault(camera: Intrinsics) -> str | None:
    """
    Return why intrinsics cannot belong to an image of their size, or None.

    The checks find normalised intrinsics, intrinsics of another size (which is named), a principal
    point outside the image, a field of view outside 5 to 170 degrees, and pixels beyond 1 : 2.
    """
    reason = _reason(camera)
    return reason and (
        f'fx {camera.fx:g}, fy {camera.fy:g}, cx {camera.cx:g}, cy {camera.cy:g} cannot belong '
        f'to this image of {camera.width} x {camera.height} px: {reason}'
    )


def _reason(camera: Intrinsics) -> str | None:
    if max(camera.fx, camera.fy) < MIN_FOCAL_PX:
        return 'they look normalised; multiply them by the image width and height in px'
    size = _size_that_fits(camera)
    if size is not None:
        return (
            f'they are those of {size[0]} x {size[1]} px; scale them to the image, or use the '
            'images at full size'
        )
    if not (-0.5 <= camera.cx < camera.width and -0.5 <= camera.cy < camera.height):
        return 'the principal point is outside the image; was it cropped after calibration?'
    widest_deg, narrowest_deg = _view_deg(camera)
    if widest_deg > MAX_VIEW_DEG or narrowest_deg < MIN_VIEW_DEG:
        return (
            f'the field of view is {narrowest_deg:.3g} to {widest_deg:.3g} degrees, expected '
            f'{MIN_VIEW_DEG:g} to {MAX_VIEW_DEG:g}; were they measured at another size?'
        )
    aspect = max(camera.fx / camera.fy, camera.fy / camera.fx)
    if aspect > MAX_PIXEL_ASPECT:
        return (
            f'fx and fy differ by a factor of {aspect:.3g}, expected {MAX_PIXEL_ASPECT:g} at most'
        )
    return None


def _size_that_fits(camera: Intrinsics) -> tuple[int, int] | None:
    """Return the width and height centred at the principal point; None if they are the image's."""
    ratios = (2 * camera.cx + 1) / camera.width, (2 * camera.cy + 1) / camera.height
    if min(ratios) <= 0 or max(ratios) > SIZE_RATIO_AGREEMENT * min(ratios):
        return None
    ratio = math.sqrt(ratios[0] * ratios[1])
    if max(ratio, 1 / ratio) <= MAX_SIZE_RATIO:
        return None
    simple = Fraction(ratio).limit_denominator(MAX_SIZE_DENOMINATOR) or Fraction(ratio)
    return round(camera.width * simple), round(camera.height * simple)


def _view_deg(camera: Intrinsics) -> tuple[float, float]:
    """Return the larger and the smaller of the horizontal and vertical field of view."""
    sides = (camera.width / camera.fx, camera.height / camera.fy)
    views = [math.degrees(2 * math.atan(side / 2)) for side in sides]
    return max(views), min(views)
