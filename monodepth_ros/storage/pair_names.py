"""Names of the pairs in a pair folder, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path

from monodepth_ros.common.errors import warn_once
from monodepth_ros.storage.image_folder import FolderImages, other_files


def names_in_time(
    left: FolderImages, right: FolderImages, stamped: Iterable[str], *, stamps: Path
) -> list[str]:
    """
    Return the names of the pairs: first those with a stamp, then the others in natural order.

    left, right: images of both views.
    stamped: names in the file `stamps`, in the order of time.
    stamps: path of that file.
    Raises ValueError where images have no partner, or where all stamps belong to other images.
    """
    passed_over = left.passed_over | right.passed_over
    in_time = dict.fromkeys(name for name in stamped if name not in passed_over)
    _check_partners(left, right, in_time.keys())
    pairs = [name for name in left.files if name in right.files]
    beyond = [name for name in pairs if name not in in_time]
    lost = [name for name in in_time if name not in right.files]
    if lost and len(lost) == len(in_time):
        raise ValueError(
            f'{stamps} names {len(lost)} images, e.g. {lost[0]!r}, but left/ and right/ hold only '
            f'others, e.g. {pairs[0]!r}; correct the names (without suffix), or remove the file'
        )
    # Users who remove images leave their stamps, and a killed collector may leave its last pair
    # without one.
    if lost:
        warn_once(f'{stamps}: {len(lost)} names without images, e.g. {lost[0]!r}, are left out')
    if in_time and beyond:
        warn_once(f'{stamps} lacks {len(beyond)} pairs, e.g. {beyond[0]!r}; they come last')
    return [name for name in in_time if name in right.files] + beyond


def _check_partners(left: FolderImages, right: FolderImages, stamped: Set[str]) -> None:
    """Raise ValueError for an image whose partner is missing, or where no pair can be read."""
    for images in (left, right):
        if not images.files:
            kinds = other_files(images.folder)
            raise ValueError(f'{images.folder} holds no images that can be read{kinds}')
    path = left.folder.parent
    odd = (left.files.keys() ^ right.files.keys()) - left.passed_over - right.passed_over
    if stamped:
        # A pair is committed last, so a writer killed between two images leaves them unlisted.
        odd &= stamped
    if odd:
        raise ValueError(
            f'{path} has {len(odd)} images without a partner, e.g. {min(odd)!r}; left/ and right/ '
            f'must hold the same names{other_files(left.folder)}{other_files(right.folder)}'
        )
    if not left.files.keys() & right.files.keys():
        raise ValueError(f'{path} holds no pair of which both images can be read')
