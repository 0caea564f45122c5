"""Points as they are drawn: on a line, in their plane, or in the plane of their two first principal axes."""

# I points, N other places, A axes, P axes that are drawn (1 or 2)

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siftnet.geometry import Points


@dataclass(frozen=True, eq=False)
class Plane:
    """Places of points as they are drawn, in the coordinates' own unit.

    place_IP: float64. names: of the axes. said: a sentence on what the drawing leaves out, empty where nothing.
    """

    place_IP: np.ndarray
    names: tuple[str, ...]
    said: str
    middle_A: np.ndarray
    axes_AP: np.ndarray

    def place(self, coordinates_NA: np.ndarray) -> np.ndarray:
        """Other places, e.g. centres of receptive fields, in the same drawing: from float64 (N, A) to (N, P)."""
        return np.asarray((coordinates_NA - self.middle_A) @ self.axes_AP)


def plane_of(points: Points) -> Plane:
    """One axis and two are drawn as they are, more by their two first principal axes."""
    axes = points.coordinates.shape[1]
    if axes <= 2:
        names = ("coordinate",) if axes == 1 else ("first coordinate", "second coordinate")
        return Plane(points.coordinates, names, "", np.zeros(axes), np.eye(axes))
    middle_A = points.coordinates.mean(axis=0)
    offset_IA = points.coordinates - middle_A
    # Of the extent of all, so that squares stay numbers.
    scale = float(np.abs(offset_IA).max()) or 1.0
    _, axes_AA = np.linalg.eigh((offset_IA / scale).T @ (offset_IA / scale))
    axes_AP = axes_AA[:, :-3:-1]
    # An axis has no direction of its own.
    axes_AP = axes_AP * np.where(np.take_along_axis(axes_AP, np.abs(axes_AP).argmax(axis=0)[None], axis=0) < 0, -1, 1)
    said = f"Of {axes} dimensions the two principal axes are drawn along which the points lie furthest apart."
    return Plane(offset_IA @ axes_AP, ("first principal axis", "second principal axis"), said, middle_A, axes_AP)
