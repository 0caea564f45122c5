"""PyTorch as siftnet computes with it, whatever the caller's script has set, and the caller's again afterwards.

The same configuration computes the same bits, so nothing of them may hang on what a script happens to have set.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from siftnet.host.forks import is_forked

NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
"""NumPy's own defaults: a script may have asked for exceptions."""


@contextmanager
def own_torch() -> Iterator[None]:
    """While this lasts PyTorch's and NumPy's settings are siftnet's, and then again the caller's; also a decorator.

    Gradients, what is kept for them, inference mode, autocast and the default device of this thread; default type,
    determinism, anomaly detection, precision of products and libraries of the process; denormal numbers and the number
    of threads. In a child made by a fork, where no other thread may be there, one thread computes.
    """
    with ExitStack() as stack:
        stack.enter_context(_PROCESS.lent())
        stack.enter_context(_own_processor())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        # Only where it is needed: each call of PyTorch is slower under a default device.
        if torch.empty(0).device.type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if _has_hooks():
            # The last ones count.
            stack.enter_context(torch.autograd.graph.saved_tensors_hooks(_as_it_is, _as_it_is))
        stack.enter_context(np.errstate(**NUMPY_ERRORS))  # type: ignore[arg-type]
        yield


def _has_hooks() -> bool:
    """Whether the caller changes what is kept for the way back, as scripts do to save memory."""
    top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return top is not None and top(False) is not None


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


@contextmanager
def _own_processor() -> Iterator[None]:
    """Denormal numbers stay numbers, and the number of threads is put back."""
    threads, flushes = torch.get_num_threads(), sys.float_info.min / 2 == 0
    if is_forked():
        torch.set_num_threads(1)
    if flushes:
        torch.set_flush_denormal(False)
    try:
        yield
    finally:
        if flushes:
            torch.set_flush_denormal(True)
        # Only where it was changed: PyTorch forgets prepared products with it.
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@dataclass(frozen=True)
class Setting:
    """Something that PyTorch keeps for the whole process."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    ours: Any

    @classmethod
    def attribute(cls, owner: Any, name: str, ours: Any) -> Setting:
        """One that is an attribute of one of PyTorch's modules."""
        return cls(lambda: getattr(owner, name), lambda value: setattr(owner, name, value), ours)


def process_settings() -> list[Setting]:
    """Those that this PyTorch has; where two say the same, the older one comes first, as it sets the newer one too."""
    found = [
        Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
        Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
        Setting(_read_anomalies, lambda value: torch.autograd.set_detect_anomaly(*value), (False, True)),
        Setting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    ]
    backends: Any = torch.backends
    values: list[tuple[Any, dict[str, Any]]] = [(backends.mkldnn, {"enabled": True, "deterministic": False})]
    products = [getattr(backends.mkldnn, name, None) for name in ("matmul", "conv", "rnn")]
    if backends.cuda.is_built():
        reduced = {"allow_fp16_reduced_precision_reduction": True, "allow_bf16_reduced_precision_reduction": True}
        # Deterministic algorithms, without timing them first; fp32 means fp32, so TF32 is off.
        cudnn = {"enabled": True, "deterministic": True, "benchmark": False, "allow_tf32": False}
        values += [(backends.cuda.matmul, reduced | {"allow_tf32": False}), (backends.cudnn, cudnn)]
        products += [backends.cuda.matmul, *(getattr(backends.cudnn, name, None) for name in ("conv", "rnn"))]
    values += [(product, {"fp32_precision": "ieee"}) for product in products]
    for owner, ours in values:
        found += [Setting.attribute(owner, name, value) for name, value in ours.items() if _has(owner, name)]
    return found


def _has(owner: Any, name: str) -> bool:
    try:
        getattr(owner, name)
    except AttributeError:
        return False
    except RuntimeError:
        # The caller has set it by another name, and PyTorch refuses to tell it by this one.
        return True
    return True


def _read_anomalies() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


class _Process:
    """The settings of the process, lent by the caller to all threads that compute, until the last of them has ended."""

    def __init__(self) -> None:
        self.lock, self.borrowers = threading.Lock(), 0
        self.before: list[tuple[Setting, Any]] = []

    def unlock(self) -> None:
        """In a child made by a fork: who held the lock may not be there."""
        self.lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """While this lasts they are siftnet's."""
        with self.lock:
            if self.borrowers == 0:
                self.before = [(setting, _read(setting)) for setting in process_settings()]
                for setting, _ in self.before:
                    setting.write(setting.ours)
            self.borrowers += 1
        try:
            yield
        finally:
            with self.lock:
                self.borrowers -= 1
                if self.borrowers == 0:
                    for setting, value in self.before:
                        if value is not None:
                            setting.write(value)


def _read(setting: Setting) -> Any:
    """Its value; None where PyTorch refuses to tell it, see `_has`."""
    try:
        return setting.read()
    except RuntimeError:
        return None


_PROCESS = _Process()
os.register_at_fork(after_in_child=_PROCESS.unlock)
