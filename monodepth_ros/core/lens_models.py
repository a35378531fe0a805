"""The lens models that calibrations name, and how many distortion coefficients each may have."""

from __future__ import annotations

# OpenCV reads a longer list of the same model: what is left out is 0.
PINHOLE_LENGTHS = (4, 5, 8, 12, 14)
PLUMB_BOB, EQUIDISTANT = 'plumb_bob', 'equidistant'
LENGTHS = {
    PLUMB_BOB: PINHOLE_LENGTHS,
    'rational_polynomial': PINHOLE_LENGTHS,
    EQUIDISTANT: (4,),
}
# As camera_calibration_parsers reads a file without a name, and as others call OpenCV's fisheye.
SYNONYMS = {'': PLUMB_BOB, 'fisheye': EQUIDISTANT}


def lens_model(name: str, d: tuple[float, ...]) -> tuple[str, tuple[float, ...]]:
    """
    Return the name and the coefficients by which a lens is known here.

    A D of zeros is no distortion, whatever the model is called: `plumb_bob` without coefficients.
    Raises ValueError for an unknown model, or a number of coefficients that it does not have.
    """
    if not any(d):
        return PLUMB_BOB, ()
    known = SYNONYMS.get(name, name)
    if known not in LENGTHS:
        raise ValueError(
            f'got distortion model {name!r}, expected one of {tuple(LENGTHS)}; rectify the image '
            'first or recalibrate'
        )
    if len(d) not in LENGTHS[known]:
        raise ValueError(
            f'camera_info: D has {len(d)} numbers, expected one of {LENGTHS[known]} for {known}'
        )
    return known, d
