"""What a run is asked to do: frozen dataclasses whose field paths are the command line's options.

The text under a field is its help.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from siftnet.config.products import ProductsConfig as ProductsConfig
from siftnet.config.synthetic import SyntheticConfig as SyntheticConfig
from siftnet.config.table import TableConfig as TableConfig
from siftnet.config.values import RefusedError as RefusedError
from siftnet.config.values import require as require
from siftnet.config.values import take_values

POINTS = "points:"
"""What data.geometry begins with where a file of coordinates follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Which data, which part of it, and what is done to labels and inputs before training."""

    format: Literal["imagenet", "cifar10", "cifar100", "idx", "npz", "table", "folder", "nlgp", "planted", "field"] = (
        "imagenet"
    )
    """Layout of the files: downsampled ImageNet, CIFAR python batches, MNIST-like IDX, arrays, a table, a folder of
    images by class; nlgp, planted and field are synthetic."""
    root: Path | None = None
    """Folder (or file, for npz and table) that holds the data; synthetic data needs none."""
    validation: int = 5000
    """Training examples set aside to choose on, drawn by data.seed; never more than a tenth."""
    split: Literal["draw", "paper", "time"] = "draw"
    """draw: test = what the authors hold out, validation = theirs too, or drawn from the training set. paper:
    validation = the first 10,000 of the held-out set, test = the rest. time: the latest examples are the test set,
    those before them validation."""
    holdout: float = 0.1
    """Share set aside as test set where the data come without one."""
    group: str = ""
    """Column (table) or array (npz) of what must not lie in two splits: a patient, a recording, a scene. Of an image
    folder, folder: images of one folder right below the class (CLASS/patient7/1.png) belong together, with those of a
    folder of the same name below another class. It is no input."""
    time: str = ""
    """Column (table) or array (npz) that orders the examples with split = time, the file's order unless given. It is
    no input."""
    missing_labels: Literal["refuse", "drop", "keep"] = "refuse"
    """Examples whose label is missing (empty, NaN, None, NA): stop with a message, or leave them out, or keep such text
    as the name of a class, where it is one."""
    share: float = 1.0
    """Share of the training examples to use."""
    duplicates: Literal["keep", "drop"] = "keep"
    """Examples that stand in two splits, value for value: keep them, which is noted, or leave them out of training, and
    of validation where they are tested."""
    labels: Literal["given", "superclasses", "modulo", "random", "products"] = "given"
    """As they are; ten meaningful superclasses; the class number modulo data.modulo; random (nothing to learn); or
    made from the inputs: whether products of neighbours sum to more than their median, see data.products."""
    superclass_file: Path | None = None
    """Table of superclasses: 'WordNet-id index superclass name' a line, or the old comma-separated list of 1000."""
    modulo: int = 10
    """Number of classes with labels = modulo."""
    permute: Literal["none", "fixed", "each"] = "none"
    """Shuffle the inputs: by one permutation for all images, or by a fresh one for each image."""
    flip: bool = False
    """Augmentation: mirror half of the training images left to right. Tells the network about geometry."""
    shift: int = 0
    """Augmentation: shift each training image by up to this many pixels. Tells the network about geometry."""
    geometry: str = "auto"
    """Where the inputs of npz or table data live: auto, unknown, e.g. grid:3x32x32, ring:1x100 (channels first), or
    points:FILE, a CSV with a row of coordinates for each input, their names first if it has any."""
    seed: int = 0
    """Seed of everything drawn about the data: splits, share, permutations, hidden orders, random labels, synthetic
    examples."""
    products: ProductsConfig = field(default_factory=ProductsConfig)
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    table: TableConfig = field(default_factory=TableConfig)

    def __post_init__(self) -> None:
        take_values(self, "data.")
        require(self.validation >= 1, f"data.validation must be at least 1, got {self.validation}")
        require(0 < self.holdout < 1, f"data.holdout must lie between 0 and 1, got {self.holdout}")
        require(0 < self.share <= 1, f"data.share must be in (0, 1], got {self.share}")
        require(self.modulo >= 2, f"data.modulo must be at least 2, got {self.modulo}")
        require(self.shift >= 0, f"data.shift must be 0 or more pixels, got {self.shift}")
        require(self.seed >= 0, f"data.seed must be 0 or more, got {self.seed}")
        require(
            self.split == "time" or not self.time,
            f"data.time = {self.time} orders the examples of data.split = time, and data.split is {self.split}: "
            "set data.split time, or leave data.time out",
        )
        require(
            not (self.split == "time" and self.group),
            f"data.split = time keeps the order and data.group = {self.group} draws groups: leave one of them out",
        )
        if self.permute != "none" and (self.flip or self.shift):
            raise ValueError(
                f"data.flip and data.shift need to know the neighbours, which data.permute = {self.permute} hides: "
                "set data.flip false and data.shift 0"
            )
        if self.labels == "superclasses" and self.superclass_file is None:
            raise ValueError("data.labels = superclasses needs data.superclass_file ('siftnet fetch superclasses')")
        require(
            self.labels == "superclasses" or self.superclass_file is None,
            f"data.superclass_file is read with data.labels = superclasses alone, and data.labels is {self.labels}",
        )
        require(
            self.labels != "products" or not (self.flip or self.shift),
            "data.flip and data.shift move inputs away from the places that data.labels = products goes by: "
            "set data.flip false and data.shift 0",
        )
        require(
            self.labels == "products" or self.format != "field",
            f"data.format = field makes inputs alone, and data.labels is {self.labels}: set data.labels products",
        )
        if self.is_synthetic:
            self.synthetic.refuse_unfit(self.format)

    @property
    def is_synthetic(self) -> bool:
        """Whether the examples are made rather than read."""
        return self.format in ("nlgp", "planted", "field")


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """The network that is sifted."""

    layers: str = "f1024:f1024:f1024:x"
    """From the inputs up, colon-separated: fN affine to N units, cK-N convolution of N filters K wide (cK-N-S with
    stride S), pK max pooling K wide, x the output layer, always last."""
    norm: bool = True
    """Batch normalisation of each affine layer's input, the data included."""
    norm_epsilon: float = 1e-5
    """Added to the variance in batch normalisation."""
    norm_decay: float = 0.99
    """Decay of the running statistics that evaluation uses."""
    init_scale: float = 1.0
    """Factor on the standard deviation sqrt(2 / (fan_in + fan_out)) of the initial weights."""

    def __post_init__(self) -> None:
        take_values(self, "network.")
        require(self.norm_epsilon > 0, f"network.norm_epsilon must be positive, got {self.norm_epsilon}")
        require(0 <= self.norm_decay < 1, f"network.norm_decay must be in [0, 1), got {self.norm_decay}")
        require(self.init_scale > 0, f"network.init_scale must be positive, got {self.init_scale}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """How the network is trained, the same in every round."""

    steps: int = 1000
    """Updates in each round."""
    batch: int = 500
    """Examples a step, drawn with replacement."""
    lr: float = 0.1
    """Learning rate."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over a round: constant, or a half cosine down to 0."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """Update rule."""
    momentum: float = 0.0
    """sgd: momentum."""
    nesterov: bool = False
    """sgd: Nesterov's form of momentum."""
    weight_decay: float = 0.0
    """Decay of weights and biases; batch norm's gamma and beta are left alone."""
    rewind: int = 50
    """Survivors return to their values after this many updates of round 0; 0 is the initialisation."""
    validate_every: int = 100
    """Updates between validations; the last step is always validated."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Matrix products in fp32 or bf16 (storage is always fp32); auto takes bf16 where the processor has it."""

    def __post_init__(self) -> None:
        take_values(self, "train.")
        require(self.steps >= 1, f"train.steps must be at least 1, got {self.steps}")
        require(self.batch >= 2, f"train.batch must be at least 2, got {self.batch}")
        require(self.lr > 0, f"train.lr must be positive, got {self.lr}")
        require(0 <= self.momentum < 1, f"train.momentum must be in [0, 1), got {self.momentum}")
        require(not self.nesterov or self.momentum > 0, "train.nesterov needs train.momentum above 0")
        require(
            self.optimiser == "sgd" or self.momentum == 0,
            f"train.momentum = {self.momentum} is for sgd, and train.optimiser is {self.optimiser}: leave it out",
        )
        require(self.weight_decay >= 0, f"train.weight_decay must be 0 or more, got {self.weight_decay}")
        require(
            0 <= self.rewind <= self.steps,
            f"train.rewind must lie between 0 and train.steps = {self.steps}, got {self.rewind}: "
            "set it with --train.rewind",
        )
        require(self.validate_every >= 1, f"train.validate_every must be at least 1, got {self.validate_every}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PruneConfig:
    """What is removed after each round, and when to stop."""

    rounds: int = 9
    """Pruned rounds after the dense round 0 (stop rule)."""
    fraction: float = 0.4
    """Share of the survivors that is pruned after each round."""
    scope: Literal["layerwise", "global"] = "layerwise"
    """Rank within each hidden layer, or over all of them together; the output layer is never pruned."""
    score: str = "magnitude"
    """What survives: magnitude keeps the largest |w|, movement the largest |w - w_rewind|, random what chance keeps; or
    a score of your own, from Python."""
    at_step: int = -1
    """Score the weights as they were after this many updates of the round; -1 is the end of the round."""
    init_density: float = 1.0
    """Density of a random mask that round 0 starts from; 1 is dense."""
    reset: Literal["rewind", "redraw"] = "rewind"
    """What survivors return to: the rewind point, or fresh draws from the initialisation (a control)."""
    min_density: float = 0.0
    """Stop once the density is this low (stop rule)."""
    min_connected: float = 0.2
    """Stop once some pruned layer has no more than this share of its units with an input left (stop rule)."""

    def __post_init__(self) -> None:
        take_values(self, "prune.")
        require(self.rounds >= 0, f"prune.rounds must be 0 or more, got {self.rounds}")
        require(0 < self.fraction < 1, f"prune.fraction must lie between 0 and 1, got {self.fraction}")
        require(self.at_step >= -1, f"prune.at_step must be -1 (the end) or a step, got {self.at_step}")
        require(0 < self.init_density <= 1, f"prune.init_density must be in (0, 1], got {self.init_density}")
        require(0 <= self.min_density < 1, f"prune.min_density must be in [0, 1), got {self.min_density}")
        require(0 <= self.min_connected < 1, f"prune.min_connected must be in [0, 1), got {self.min_connected}")

    @property
    def exact_fraction(self) -> Fraction:
        """The fraction as written, so that 0.3 means 3/10 and not the float nearest to it."""
        return Fraction(repr(self.fraction))


@dataclass(frozen=True, kw_only=True, slots=True)
class StartConfig:
    """Begin from another run's ticket instead of from a fresh dense network; this is how controls are made."""

    run: Path | None = None
    """Folder of the run to start from."""
    round: int = 0
    """Round whose mask is taken."""
    weights: Literal["rewind", "redraw"] = "rewind"
    """The ticket's own rewind weights, or fresh draws from the initialisation."""

    def __post_init__(self) -> None:
        take_values(self, "start.")
        require(self.round >= 0, f"start.round must be 0 or more, got {self.round}")
        require(
            self.run is not None or (self.round == 0 and self.weights == "rewind"),
            "start.round and start.weights say what is taken of the run start.run, which is not given: add it",
        )


MOST_SAMPLES = 1_000_000
"""Shuffles, or resamplings: more take days and say nothing more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisConfig:
    """How thoroughly the survivors are measured; changes no training result."""

    samples: int = 199
    """Degree-preserving shuffles at the headline round."""
    samples_other: int = 19
    """Degree-preserving shuffles at each other round."""
    headline: int = -1
    """Round that the verdict is about; -1 takes the sparsest that validates within one standard error of the best."""
    bootstrap: int = 1000
    """Resamplings of the nodes behind each interval."""
    ablation: bool = True
    """Measure the accuracy that is left as first-layer nodes are removed."""

    def __post_init__(self) -> None:
        take_values(self, "analysis.")
        require(self.samples >= 1, f"analysis.samples must be at least 1, got {self.samples}")
        require(self.samples_other >= 0, f"analysis.samples_other must be 0 or more, got {self.samples_other}")
        require(self.headline >= -1, f"analysis.headline must be -1 or a round, got {self.headline}")
        require(self.bootstrap >= 100, f"analysis.bootstrap must be at least 100, got {self.bootstrap}")
        for name in ("samples", "samples_other", "bootstrap"):
            count = getattr(self, name)
            require(count <= MOST_SAMPLES, f"analysis.{name} must be at most {MOST_SAMPLES:,}, got {count}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """One run: data, network, training, pruning, measurement."""

    seed: int = 0
    """Seed of initialisation, batches, augmentation and every random mask."""
    device: str = "auto"
    """cpu, cuda or cuda:N; auto takes a GPU where there is one."""
    threads: int = 0
    """Processor threads; 0 takes all."""
    kernel: str = "auto"
    """How training is computed: a kernel by name, or auto, which times those that support the network before round 0
    and takes the fastest at each density; the timings are in the run's plan.json."""
    data: DataConfig = field(default_factory=DataConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    prune: PruneConfig = field(default_factory=PruneConfig)
    start: StartConfig = field(default_factory=StartConfig)
    analysis: AnalysisConfig = field(default_factory=AnalysisConfig)

    def __post_init__(self) -> None:
        take_values(self)
        require(self.seed >= 0, f"seed must be 0 or more, got {self.seed}")
        require(self.threads >= 0, f"threads must be 0 (all) or more, got {self.threads}")
        require(
            self.prune.at_step <= self.train.steps,
            f"prune.at_step = {self.prune.at_step} lies beyond train.steps = {self.train.steps}",
        )
        require(
            self.start.run is None or self.prune.init_density == 1,
            f"prune.init_density = {self.prune.init_density} draws the first mask, and start.run takes it from "
            f"{self.start.run}: leave one of them out",
        )
