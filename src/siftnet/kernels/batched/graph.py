"""Work on a GPU captured once and replayed, so that the processor does not launch its every kernel anew."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.cuda import CUDAGraph

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
        self.captured: dict[int, tuple[CUDAGraph, Tensor]] = {}
        with torch.cuda.device(state[0].device):
            # One stream for all, whose workspaces the graphs share; one pool, as no two of them run at once and each
            # result is read before the next.
            self.stream, self.pool = torch.cuda.Stream(), torch.cuda.graph_pool_handle()

    def __call__(self, work: Work, number: int) -> Tensor:
        """Do `work(number)` and return what it returns, which the next call overwrites."""
        with torch.cuda.device(self.state[0].device):
            if number not in self.captured:
                self.captured[number] = self._capture(work, number)
            graph, found = self.captured[number]
            graph.replay()
        return found

    def _capture(self, work: Work, number: int) -> tuple[CUDAGraph, Tensor]:
        """The graph, and where it leaves its result; the state stays as it is."""
        before, current, graph = [tensor.clone() for tensor in self.state], torch.cuda.current_stream(), CUDAGraph()
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            for _ in range(WARM_UP):
                work(number)
        current.wait_stream(self.stream)
        for tensor, value in zip(self.state, before, strict=True):
            tensor.copy_(value)
        # In the mode thread_local other threads, such as one that pins memory, may use the GPU meanwhile. The outer
        # stream is set anew because a capture that fails leaves its own behind.
        capture = torch.cuda.graph(graph, pool=self.pool, stream=self.stream, capture_error_mode="thread_local")
        with uncollected(), torch.cuda.stream(current), capture:
            found = work(number)
        return graph, found


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile: a graph that is freed during a capture breaks it."""
    gc.collect()
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
