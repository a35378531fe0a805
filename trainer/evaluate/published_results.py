"""Results of the papers on the same data by the same protocol, to compare with."""

from __future__ import annotations

from typing import NamedTuple

from trainer.evaluate.ground_truth import Benchmark


class PublishedResult(NamedTuple):
    """
    The result of a paper: means over images, None where not reported, d1_all in percent.

    from_memory: whether the numbers were not checked in the paper itself.
    """

    name: str
    abs_rel: float
    sq_rel_m: float | None = None
    rmse_m: float | None = None
    rmse_log: float | None = None
    delta_1: float | None = None
    d1_all: float | None = None
    from_memory: bool = False


# Number of images of each benchmark.
IMAGES: dict[Benchmark, int] = {'kitti raw': 697, 'kitti stereo 2015': 200}
# With Garg's crop. The networks are stereo-trained and metric, without median scaling.
EIGEN_80_M = (
    PublishedResult('Godard 2017 VGG, K', 0.148, 1.344, 5.927, 0.247, 0.803),
    PublishedResult(
        'Godard 2017 ResNet50 pp, CS+K', 0.114, 0.898, 4.935, 0.206, 0.861, from_memory=True
    ),
    PublishedResult(
        "Godard 2017, authors' released ResNet50, K", 0.133, 1.142, 5.533, 0.230, 0.830
    ),
    PublishedResult(
        'Monodepth2 S 640x192, no ImageNet weights', 0.130, 1.144, 5.485, 0.232, 0.831
    ),
    PublishedResult('Monodepth2 S 640x192', 0.109, 0.873, 4.960, 0.209, 0.864),
    PublishedResult('Depth Hints R50 640', 0.102, 0.762, delta_1=0.880),
    PublishedResult('Depth Hints HR R50', 0.096, 0.710, delta_1=0.890),
    PublishedResult('PlaneDepth HR self-distilled', 0.085, delta_1=0.910),
)
EIGEN_50_M = (
    PublishedResult('Godard 2017 VGG, K', 0.140, 0.976, 4.471, 0.232, 0.818, from_memory=True),
    PublishedResult(
        'Godard 2017 ResNet50 pp, CS+K', 0.108, 0.657, 3.729, 0.194, 0.873, from_memory=True
    ),
)
# Without a crop.
STEREO_2015 = (
    PublishedResult(
        'Godard 2017 VGG, K', 0.124, 1.388, 6.125, 0.217, 0.841, 30.27, from_memory=True
    ),
    PublishedResult(
        'Godard 2017 VGG, Cityscapes only',
        0.699, 10.060, 14.445, 0.542, 0.053, 94.76, from_memory=True,
    ),
    PublishedResult(
        'Godard 2017 ResNet50 pp, CS+K', 0.097, 0.896, 5.093, 0.176, 0.879, 23.81, from_memory=True
    ),
)  # fmt: skip


def published_results(
    benchmark: Benchmark | None, *, cap_m: float, garg: bool, median_scaling: bool
) -> tuple[PublishedResult, ...]:
    """
    Return the results with the same protocol; none for other data.

    benchmark: the data; None for data that no paper reports.
    cap_m: farthest depth compared.
    garg: whether Garg's crop is used.
    median_scaling: whether predictions are scaled, for which no result is listed.
    """
    if median_scaling:
        return ()
    if benchmark == 'kitti raw' and garg:
        return {80.0: EIGEN_80_M, 50.0: EIGEN_50_M}.get(cap_m, ())
    if benchmark == 'kitti stereo 2015' and not garg and cap_m == 80.0:
        return STEREO_2015
    return ()
