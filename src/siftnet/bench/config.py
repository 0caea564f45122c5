"""What `siftnet bench` is asked to time; the fields are its options."""

from __future__ import annotations

from dataclasses import dataclass, field

from siftnet.config.fields import NetworkConfig, RunConfig, TrainConfig, require
from siftnet.config.values import take_values

DENSITIES = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01, 0.003, 0.001)


def _training() -> TrainConfig:
    # A small rate, so that hundreds of updates on random labels leave the network about as it was drawn.
    return TrainConfig(batch=1000, lr=0.01)


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchConfig:
    """A network, generated images, the densities and how long to look."""

    contenders: tuple[str, ...] = ()
    """Who is timed, by name: kernels, auto, baselines; empty takes all that support the network and this machine."""
    densities: tuple[float, ...] = DENSITIES
    """Shares of the prunable entries that are kept, drawn at random."""
    slices: int = 30
    """Timed slices of each contender at each density; a slice is one update, or several that take 5 ms together."""
    seconds: float = 20.0
    """Longest time spent on one contender at one density; slow ones get fewer slices, three at least."""
    rounds: int = 18
    """Rounds of the schedule whose times are summed; 0 leaves it out."""
    fraction: float = 0.3
    """Share of the survivors that the schedule prunes after each round."""
    shape: tuple[int, ...] = (32, 32)
    """Sites along each axis of the generated images."""
    channels: int = 3
    """Inputs per site."""
    classes: int = 200
    """Outputs of the network."""
    examples: int = 50_000
    """Generated images to train on."""
    validation: int = 5000
    """Generated images to validate on; one validation every train.validate_every updates counts in the schedule."""
    seed: int = 0
    """Seed of images and weights."""
    device: str = "auto"
    """cpu, cuda or cuda:N; auto takes a GPU where there is one."""
    threads: int = 0
    """Processor threads; 0 takes all."""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    train: TrainConfig = field(default_factory=_training)

    def __post_init__(self) -> None:
        take_values(self)
        require(len(self.densities) > 0, "densities needs one density at least, as in --densities 1 0.1")
        for density in self.densities:
            require(0 < density <= 1, f"density must be in (0, 1], got {density:g}")
        require(self.slices >= 1, f"slices must be at least 1, got {self.slices}")
        require(self.seconds > 0, f"seconds must be positive, got {self.seconds:g}")
        require(self.rounds >= 0, f"rounds must be 0 (no schedule) or more, got {self.rounds}")
        require(0 < self.fraction < 1, f"fraction must lie between 0 and 1, got {self.fraction:g}")
        require(len(self.shape) >= 1 and min(self.shape) >= 1, f"shape needs sites along each axis, got {self.shape}")
        require(self.channels >= 1, f"channels must be at least 1, got {self.channels}")
        require(self.classes >= 2, f"classes must be at least 2, got {self.classes}")
        require(self.examples >= 1, f"examples must be at least 1, got {self.examples}")
        require(self.validation >= 1, f"validation must be at least 1, got {self.validation}")
        require(self.seed >= 0, f"seed must be 0 or more, got {self.seed}")
        require(self.threads >= 0, f"threads must be 0 (all) or more, got {self.threads}")

    @property
    def visited(self) -> list[float]:
        """Every density of the sweep and of the schedule, highest first."""
        return sorted({*self.densities, *self.schedule}, reverse=True)

    @property
    def schedule(self) -> tuple[float, ...]:
        """Density of each round: 1, then what is left after each pruning."""
        return tuple((1 - self.fraction) ** t for t in range(self.rounds))

    def as_run(self) -> RunConfig:
        """The run that would train this network on this machine."""
        return RunConfig(
            seed=self.seed, device=self.device, threads=self.threads, network=self.network, train=self.train
        )
