"""Labels made from products of inputs: the settings under data.products; see fields.py."""

from __future__ import annotations

from dataclasses import dataclass

from siftnet.config.values import require, take_values


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductsConfig:
    """Which inputs are multiplied where labels are made from them (labels products)."""

    geometry: str = ""
    """Where inputs are neighbours for the labels: ring:CxN, line:CxN, grid:CxHxW, torus:CxHxW or volume:CxDxHxW, of as
    many inputs as the data have and whatever the data's own geometry; products are made within each of the C channels.
    Unless given, one ring of all inputs."""
    order: int = 2
    """Neighbours in a row along an axis that are multiplied: 2 for pairs, 3 for triples."""
    noise: float = 0.0
    """Share of the labels that are flipped, drawn by data.seed, of training, validation and test examples alike."""
    hidden: bool = True
    """Whether inputs are placed there in a random order, drawn by data.seed, or in their own."""

    def __post_init__(self) -> None:
        take_values(self, "data.products.")
        require(self.order >= 2, f"data.products.order must be 2 (pairs) or more, got {self.order}")
        require(
            0 <= self.noise <= 0.5,
            f"data.products.noise must lie in 0 to 0.5, where nothing is left to learn, got {self.noise}",
        )
