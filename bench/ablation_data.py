"""The data of the ablation: what trains, and what judges with its ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
import hashlib
from itertools import repeat
import multiprocessing
from pathlib import Path
import sys
from types import ModuleType
from typing import NamedTuple

from rich.progress import track

from bench import census_matching
from bench.census_matching import matched_depth_m
from monodepth_ros.common.atomic import atomic_folder
from monodepth_ros.storage.pair_folder import GT_DEPTH, PairFolder, PairFolderWriter, VIEWS
from trainer.datasets.sources import fingerprint
from trainer.evaluate.config import Crop
from trainer.ingest.config import IngestConfig
from trainer.ingest.ingest import ingest

DRIVE, INDOOR = 'bags/kitti_0926_drive', 'pairs/euroc_v1_micro'
# These streets train. Left out are the streets that judge, and karlsruhe_singles_1344x391: it is
# of the city of the Karlsruhe drive, and its calibration is a nominal one. A comparison of images
# (features that match with one epipolar geometry) found 11 to 14 matches between a frame of the
# streets that judge and any other sequence, as between any two places. Frames of one KITTI street
# that are 8 frames apart have 70 to 230. The Karlsruhe drive has 41, and 12 at 16 frames, so a
# street that is seen again from elsewhere may be missed there.
STREETS = (
    'pairs/kitti_odo_00',
    'pairs/kitti_odo_02_color',
    'pairs/kitti_odo_03',
    'pairs/kitti_odo_seq1',
    'pairs/kitti_singles_1242x375_color',
)
KARLSRUHE, TREES = 'pairs/karlsruhe_2010_03_09_drive_0023', 'pairs/kitti_odo_seq2'
# The first part of the drive and of the indoor recording trains, the last one judges. The indoor
# camera stands nearly still: a training with its first part has seen the scene that judges.
TRAINS_UNTIL, JUDGES_FROM = 0.6, 0.6667
MATCHING_PROCESSES = 2


class JudgedSet(NamedTuple):
    """A pair folder with gt_depth that judges, and the crop that is compared."""

    name: str
    folder: Path
    crop: Crop

    def digest(self) -> str:
        """Return a hash of all that the scores depend on: pairs, ground truth and crop."""
        digest = hashlib.sha256(f'{fingerprint([PairFolder(self.folder)])} {self.crop}'.encode())
        for path in sorted((self.folder / GT_DEPTH).iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class AblationData:
    """
    The data of the rows.

    streets: sources of the training; the first one gives the canonical camera.
    indoor: a further source, of another rig.
    judged: the sets that judge; the first two are the drive with lidar and with matching.
    """

    streets: tuple[str, ...]
    indoor: str
    judged: tuple[JudgedSet, ...]


def prepare(data: Path, work: Path, *, every: int) -> AblationData:
    """
    Write the folders that are not there yet, and return all of them.

    data: folder with bags/ and pairs/.
    work: folder to write to.
    every: use every n-th frame of the sets that judge, and all frames with lidar.
    Raises FileNotFoundError if data lacks a recording.
    """
    needed = (DRIVE, INDOOR, KARLSRUHE, TREES, *STREETS)
    if missing := [name for name in needed if not (data / name).is_dir()]:
        raise FileNotFoundError(
            f'{data} lacks {", ".join(missing)}; give the folder that holds bags/ and pairs/ '
            'with --data'
        )
    # Other recordings and other code have other folders.
    made = work / f'data_{_key(data, needed, every)}'
    until, since = IngestConfig(last_share=TRAINS_UNTIL), IngestConfig(first_share=JUDGES_FROM)
    trains = _ingested(data / DRIVE, made / 'drive_trains', until)
    judges = _ingested(data / DRIVE, made / 'drive_judges', since)
    streets = [_linked(made / name, PairFolder(data / name), until=1) for name in STREETS]
    indoor = PairFolder(data / INDOOR)
    return AblationData(
        streets=tuple(map(str, (trains.path, *streets))),
        indoor=str(_linked(made / 'indoor_trains', indoor, until=TRAINS_UNTIL)),
        judged=(
            JudgedSet('drive, lidar', judges.path, 'garg'),
            *_matched_sets(data, made / 'matched', judges, indoor, every),
        ),
    )


def _key(data: Path, needed: Iterable[str], every: int) -> str:
    """Return a short hash of all that the folders depend on: recordings, code, and `every`."""
    code = source_digest(census_matching), source_digest(sys.modules[__name__])
    digest = hashlib.sha256(repr((code, every)).encode())
    for name in needed:
        for file in sorted((data / name).rglob('*')):
            digest.update(repr((str(file.relative_to(data)), file.stat().st_size)).encode())
    return digest.hexdigest()[:8]


def source_digest(module: ModuleType) -> str:
    """Return a hash of a module's source, so that what other source made is made again."""
    assert module.__file__ is not None  # ours are files
    return hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()


def _linked(folder: Path, pairs: PairFolder, *, until: float) -> Path:
    """Return a folder with links to the first pairs: a training may write hints beside them."""
    if not folder.exists():
        with atomic_folder(folder) as partial:
            write_part(partial, pairs, pairs.names[: int(until * len(pairs.names))])
    return folder


def write_part(folder: Path, pairs: PairFolder, names: Iterable[str]) -> PairFolderWriter:
    """Link some pairs of a pair folder into another one, without a ground truth."""
    writer = PairFolderWriter(folder, pairs.calibration)
    for name in names:
        for view, path in zip(VIEWS, pairs.paths(name), strict=True):
            (folder / view / path.name).symlink_to(path.resolve())
    return writer


def write_matched(folder: Path, pairs: PairFolder, names: Sequence[str]) -> None:
    """Link some pairs as write_part does, with the depth of matching as their ground truth."""
    if folder.exists():
        return
    with atomic_folder(folder) as partial:
        write_part(partial, pairs, names)
        spawn = multiprocessing.get_context('spawn')
        with ProcessPoolExecutor(MATCHING_PROCESSES, spawn) as pool:
            for _ in track(pool.map(_write_depth, repeat(partial), names), 'match', len(names)):
                pass


def _write_depth(folder: Path, name: str) -> None:
    pairs = PairFolder(folder)
    depth_m = matched_depth_m(*pairs.read_pair(name), pairs.calibration)
    PairFolderWriter(folder, pairs.calibration).add_gt_depth(name, depth_m)


def _matched_sets(
    data: Path, folder: Path, drive: PairFolder, indoor: PairFolder, every: int
) -> Iterator[JudgedSet]:
    """Yield the sets whose ground truth is matching, written to folders in `folder`."""
    scanned = {path.stem for path in (drive.path / GT_DEPTH).iterdir()}
    sampled = {*drive.names[::every], *scanned}
    karlsruhe, trees = PairFolder(data / KARLSRUHE), PairFolder(data / TREES)
    last = indoor.names[int(JUDGES_FROM * len(indoor.names)) :]
    sets: tuple[tuple[str, PairFolder, Sequence[str], Crop], ...] = (
        ('drive, matching', drive, [name for name in drive.names if name in sampled], 'garg'),
        ('karlsruhe', karlsruhe, karlsruhe.names[::every], 'garg'),
        ('kitti_odo_seq2', trees, trees.names[::every], 'garg'),
        ('euroc', indoor, last[::every], 'none'),
    )
    for name, pairs, names, crop in sets:
        path = folder / name.replace(', ', '_')
        write_matched(path, pairs, names)
        yield JudgedSet(name, path, crop)


def _ingested(recording: Path, folder: Path, config: IngestConfig) -> PairFolder:
    if not folder.exists():
        ingest([recording], folder, config)
    return PairFolder(folder)
