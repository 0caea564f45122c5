"""Where a node looks: centre, extent and orientation of its receptive field, and over how many inputs it spreads."""

# J nodes, I inputs, C channels, A axes, N sites along one axis

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Num

from siftnet.analysis.degrees import median
from siftnet.analysis.distances import SAME, framed
from siftnet.geometry import Grid, Points


@dataclass(frozen=True, eq=False)
class ReceptiveFields:
    """Shape of each node's receptive field; float64 (J,) where not said otherwise, 0 where `valid` is False.

    Lengths are in sites on a grid, and in the coordinates' own unit at points.
    valid: bool (J,), whether the node has an input with a weight other than 0.
    centre: (J, A), [0, n) along a periodic axis. radius: root mean square distance from the centre.
    orientation: radians in (-pi/2, pi/2], of the long axis; on a grid from the second axis (x) towards the first (y,
    which grows downwards in an image), at points from the first coordinate towards the second; None unless there are
    two axes; arbitrary for a round field.
    elongation: 1 - short / long axis, from 0 (round, or one site) to 1 (a line); None in one dimension.
    """

    valid: np.ndarray
    centre: np.ndarray
    radius: np.ndarray
    orientation: np.ndarray | None
    elongation: np.ndarray | None

    @property
    def nodes(self) -> int:
        """Number of nodes that have a field."""
        return int(self.valid.sum())

    @property
    def radius_median(self) -> float | None:
        """Over the nodes that have a field; None without any."""
        return median(self.radius[self.valid])

    @property
    def elongation_median(self) -> float | None:
        """Over the nodes that have a field; None without any, and on a line."""
        return None if self.elongation is None else median(self.elongation[self.valid])


def receptive_fields(weights_JI: Num[np.ndarray, "J I"], geometry: Grid | Points) -> ReceptiveFields:
    """Measure each node's receptive field from its masked weights.

    weights_JI: float, 0 where pruned. An input counts w^2 / sum w^2 (as in the participation ratio, so that a strong
    weight outvotes many weak ones); channels of one site add up. On a periodic grid the centre is the circular mean,
    arbitrary for a field spread evenly around, and distances go the short way round. Raises ValueError where the size
    does not fit.
    """
    if weights_JI.ndim != 2 or weights_JI.shape[1] != geometry.size:
        raise ValueError(f"weights of shape {weights_JI.shape} do not fit a {geometry.describe()}")
    share_JI, valid_J = _shares(weights_JI)
    if isinstance(geometry, Points):
        return _at_points(share_JI, valid_J, geometry)
    grid = geometry
    share = share_JI.reshape(-1, grid.channels, *grid.shape).sum(axis=1)
    centre_JA = np.zeros((len(weights_JI), grid.ndim))
    offsets = []
    for axis, n in enumerate(grid.shape):
        marginal_JN = share.sum(axis=tuple(a for a in range(1, 1 + grid.ndim) if a != 1 + axis))
        centre_JA[:, axis] = np.where(valid_J, _centres(marginal_JN, grid.periodic), 0.0)
        offset_JN = np.arange(n) - centre_JA[:, axis, None]
        offsets.append((offset_JN + n / 2) % n - n / 2 if grid.periodic else offset_JN)
    moment_JAA = _second_moments(share, offsets)
    radius_J = np.sqrt(np.trace(moment_JAA, axis1=1, axis2=2))
    orientation_J = _orientation(moment_JAA[:, ::-1, ::-1]) if grid.ndim == 2 else None
    return ReceptiveFields(valid_J, centre_JA, radius_J, orientation_J, _elongation(moment_JAA))


def _at_points(share_JI: np.ndarray, valid_J: np.ndarray, points: Points) -> ReceptiveFields:
    """Of coordinates as shares of their extent, whose squares do not leave the range of floats."""
    place_IA, middle_A, extent = framed(points)
    axes = place_IA.shape[1]
    centre_JA, moment_JAA = np.zeros((len(share_JI), axes)), np.zeros((len(share_JI), axes, axes))
    for j in np.flatnonzero(valid_J):
        seen = np.flatnonzero(share_JI[j])
        share_N, place_NA = share_JI[j, seen], place_IA[seen]
        # From one of its points, so that a field at one place has no extent at all.
        offset_NA = place_NA - place_NA[0]
        centre_A = share_N @ offset_NA
        centre_JA[j] = place_NA[0] + centre_A
        offset_NA -= centre_A
        moment_JAA[j] = (share_N[:, None] * offset_NA).T @ offset_NA
    return ReceptiveFields(
        valid=valid_J,
        centre=np.where(valid_J[:, None], centre_JA * extent + middle_A, 0.0),
        radius=np.sqrt(np.trace(moment_JAA, axis1=1, axis2=2)) * extent,
        orientation=_orientation(moment_JAA) if axes == 2 else None,
        elongation=_elongation(moment_JAA, SAME**2),
    )


def participation(weights_JI: Num[np.ndarray, "J I"]) -> Float64[np.ndarray, "J"]:
    """Inverse participation ratio sum w^4 / (sum w^2)^2 of each node, float64 (J,).

    1 for one input, 1/n for n equal ones, 0 for a node without weights. Needs no geometry. Some code prints 1 / this.
    """
    share_JI, _ = _shares(weights_JI)
    return np.asarray(np.einsum("ji,ji->j", share_JI, share_JI))


def _shares(weights_JI: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each input's w^2 / sum w^2, float64 (J, I), 0 for nodes without weights; and which nodes have any, bool (J,)."""
    magnitude_JI = np.abs(weights_JI, dtype=np.float64)
    largest_J = magnitude_JI.max(axis=1, initial=0.0)
    valid_J = largest_J > 0
    # Scaled by the largest first, so that neither tiny nor huge weights leave the range of floats when squared.
    share_JI = (magnitude_JI / np.where(valid_J, largest_J, 1.0)[:, None]) ** 2
    share_JI /= np.where(valid_J, share_JI.sum(axis=1), 1.0)[:, None]
    return share_JI, valid_J


def _centres(marginal_JN: np.ndarray, periodic: bool) -> np.ndarray:
    """Mean position along one axis, circular on a periodic one."""
    n = marginal_JN.shape[1]
    if not periodic:
        return marginal_JN @ np.arange(n)
    angle_N = 2 * np.pi * np.arange(n) / n
    centre_J = np.arctan2(marginal_JN @ np.sin(angle_N), marginal_JN @ np.cos(angle_N)) * n / (2 * np.pi) % n
    # A tiny negative angle modulo n rounds up to n itself.
    return np.where(centre_J >= n, 0.0, centre_J)


def _second_moments(share: np.ndarray, offsets: list[np.ndarray]) -> np.ndarray:
    """Second moments (J, A, A) of shares (J, *grid) about each node's centre, from offsets (J, N) along each axis."""
    ndim = len(offsets)
    moment_JAA = np.zeros((len(share), ndim, ndim))
    for a in range(ndim):
        for b in range(a, ndim):
            marginal = share.sum(axis=tuple(x for x in range(1, 1 + ndim) if x - 1 not in (a, b)))
            if a == b:
                moment_JAA[:, a, a] = (marginal * offsets[a] ** 2).sum(axis=1)
            else:
                across_JN = np.einsum("jab,jb->ja", marginal, offsets[b])
                moment_JAA[:, a, b] = moment_JAA[:, b, a] = (across_JN * offsets[a]).sum(axis=1)
    return moment_JAA


def _orientation(moment_JXY: np.ndarray) -> np.ndarray:
    """Direction of the long axis from x towards y, of second moments in that order."""
    cross_J, difference_J = 2 * moment_JXY[:, 0, 1], moment_JXY[:, 0, 0] - moment_JXY[:, 1, 1]
    # Adding 0 turns -0 into 0, which keeps a vertical field at +pi/2.
    return np.asarray(0.5 * np.arctan2(cross_J + 0.0, difference_J))


def _elongation(moment_JAA: np.ndarray, least: float = 1e-12) -> np.ndarray | None:
    """1 - shortest / longest axis of each node, 0 for a single site.

    least: variance along the long axis below which it is rounding, on a grid that of the circular mean: a millionth of
    a site.
    """
    if moment_JAA.shape[1] < 2:
        return None
    variance_JA = np.linalg.eigvalsh(moment_JAA).clip(min=0.0)
    short_J, long_J = variance_JA[:, 0], variance_JA[:, -1]
    ratio_J = np.divide(short_J, long_J, out=np.ones(len(long_J)), where=long_J > least)
    return np.asarray(1.0 - np.sqrt(ratio_J))
