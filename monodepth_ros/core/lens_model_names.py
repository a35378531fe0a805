"""Names of lens models in calibrations, and the number of distortion coefficients of each."""

from __future__ import annotations

# OpenCV's model of 14 coefficients; a shorter list leaves the rest at 0.
PINHOLE_LENGTHS = (4, 5, 8, 12, 14)
PLUMB_BOB, EQUIDISTANT = 'plumb_bob', 'equidistant'
LENGTHS = {
    PLUMB_BOB: PINHOLE_LENGTHS,
    'rational_polynomial': PINHOLE_LENGTHS,
    EQUIDISTANT: (4,),
}
# camera_calibration_parsers reads a file without a name as plumb_bob; `fisheye` is OpenCV's name.
SYNONYMS = {'': PLUMB_BOB, 'fisheye': EQUIDISTANT}


def lens_model(name: str, d: tuple[float, ...]) -> tuple[str, tuple[float, ...]]:
    """
    Return the canonical name and the coefficients of a lens model.

    A D of zeros is no distortion, under any name: `plumb_bob` without coefficients. Raises
    ValueError for an unknown model, or a number of coefficients that the model does not have.
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
