"""Work on a GPU captured once and replayed, so that the processor does not launch its every kernel anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Runs before a capture: libraries make their handles, workspaces and choices in them.
WARM_UP = 3

Work = Callable[[int], Tensor]
"""Launches the same kernels on the same memory whenever it is called with the same number, never waits for the GPU."""


class Replayed:
    """One piece of work, captured as a CUDA graph for each number that it is called with.

    state: every tensor that the work changes. The work itself is not kept, as its owner keeps this.
    """

    def __init__(self, state: Sequence[Tensor]) -> None:
        self.state = state
        self.captured: dict[int, tuple[torch.cuda.CUDAGraph, Tensor]] = {}

    def __call__(self, work: Work, number: int) -> Tensor:
        """Do `work(number)` and return what it returns, which the next call overwrites."""
        with torch.cuda.device(self.state[0].device):
            if number not in self.captured:
                self.captured[number] = self._capture(work, number)
            graph, found = self.captured[number]
            graph.replay()
        return found

    def _capture(self, work: Work, number: int) -> tuple[torch.cuda.CUDAGraph, Tensor]:
        """The graph, and where it leaves its result; the state stays as it is."""
        before = [tensor.clone() for tensor in self.state]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                work(number)
        torch.cuda.current_stream().wait_stream(stream)
        for tensor, value in zip(self.state, before, strict=True):
            tensor.copy_(value)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = work(number)
        return graph, found
