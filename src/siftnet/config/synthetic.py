"""Which inputs are made on the spot: the settings under data.synthetic; see fields.py."""

from __future__ import annotations

from dataclasses import dataclass

from siftnet.config.values import require, take_values, told


@dataclass(frozen=True, kw_only=True, slots=True)
class SyntheticConfig:
    """Inputs made on the spot with a known answer (format nlgp, planted or field)."""

    shape: tuple[int, ...] = (20, 20)
    """Sites along each axis, one to three axes."""
    periodic: bool = True
    """field: whether opposite ends touch; those of nlgp and planted do."""
    channels: int = 1
    """Inputs per site."""
    xi: tuple[float, ...] = (1.0, 3.0)
    """Correlation length in sites, of covariance exp(-d^2 / xi^2). nlgp: one for each class. field: a single one, of
    which 0.1 makes the inputs independent."""
    gain: float = 3.0
    """nlgp: how strongly the Gaussian field is saturated; excess kurtosis falls from -1.2 at 1 to -1.8 at 3."""
    mixing: tuple[tuple[float, ...], ...] = ()
    """nlgp, field: channels x channels matrix that mixes independent fields; empty leaves the channels independent."""
    clone: bool = False
    """nlgp: replace the inputs by Gaussians of the same covariance (the control without higher-order structure)."""
    examples: int = 60_000
    """Examples made for training and validation together."""
    test: int = 10_000
    """Examples made for the test set."""

    def __post_init__(self) -> None:
        take_values(self, "data.synthetic.")
        require(1 <= len(self.shape) <= 3, f"data.synthetic.shape takes one to three axes, got {told(self.shape)}")
        few = f"data.synthetic.shape needs at least 2 sites along each axis, got {told(self.shape)}"
        require(min(self.shape) >= 2, few)
        require(self.channels >= 1, f"data.synthetic.channels must be at least 1, got {self.channels}")
        require(len(self.xi) >= 1, "data.synthetic.xi needs a length: one for field, one for each class of nlgp")
        require(min(self.xi) > 0, f"data.synthetic.xi must be positive, got {told(self.xi)}")
        require(self.gain > 0, f"data.synthetic.gain must be positive, got {self.gain}")
        square = all(len(row) == self.channels for row in self.mixing) and len(self.mixing) in (0, self.channels)
        require(square, f"data.synthetic.mixing must be channels x channels = {self.channels} x {self.channels}")
        require(self.examples >= 20, f"data.synthetic.examples must be at least 20, got {self.examples}")
        require(self.test >= 1, f"data.synthetic.test must be at least 1, got {self.test}")

    def refuse_unfit(self, name: str) -> None:
        """Raise ValueError for settings that the synthetic format of this name does not take."""
        require(
            name != "nlgp" or len(self.xi) >= 2,
            f"data.synthetic.xi needs one length per class of data.format = nlgp, two at least, got {told(self.xi)}",
        )
        require(
            name != "field" or len(self.xi) == 1,
            f"data.synthetic.xi takes a single length with data.format = field, got {told(self.xi)}: leave one",
        )
        require(
            self.periodic or name == "field",
            f"data.synthetic.periodic = false is for data.format = field, and opposite ends of {name} touch: set it "
            "true",
        )
