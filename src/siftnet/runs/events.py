"""Who is told how a run goes."""

from __future__ import annotations

from typing import Protocol

from siftnet.config.fields import RunConfig
from siftnet.data.dataset import Dataset
from siftnet.kernels.plan import Plan
from siftnet.network.layers import Network
from siftnet.pruning.training import History
from siftnet.store.summary import RoundSummary


class Observer(Protocol):
    """Is told how a run goes; the command line draws it."""

    def loaded(self, dataset: Dataset, network: Network, config: RunConfig) -> None:
        """The data is in memory and the network is known."""

    def noted(self, text: str) -> None:
        """Something that the user may want to know."""

    def replicate(self, seed: int) -> Observer:
        """Who is told of the run with this seed, one of several; asked for before any of them goes on."""

    def planned(self, plan: Plan) -> None:
        """It is decided which kernel trains at which density."""

    def advanced(self, round_number: int, step: int, history: History) -> None:
        """Some updates more are made."""

    def finished(self, summary: RoundSummary) -> None:
        """A round is stored."""


class Silent:
    """An observer that says nothing."""

    def loaded(self, dataset: Dataset, network: Network, config: RunConfig) -> None:
        """Nothing."""

    def noted(self, text: str) -> None:
        """Nothing."""

    def replicate(self, seed: int) -> Observer:
        """Itself."""
        return self

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def advanced(self, round_number: int, step: int, history: History) -> None:
        """Nothing."""

    def finished(self, summary: RoundSummary) -> None:
        """Nothing."""
