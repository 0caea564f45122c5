"""Pickles that ask for code to be run. Whoever obeys one is seen by the guards; all name the canary."""

from __future__ import annotations

from random import Random

from fuzz.guards import CANARY

CALLS = (
    ("os", "system", f"echo {CANARY}"),
    ("posix", "system", f"echo {CANARY}"),
    ("subprocess", "getoutput", f"echo {CANARY}"),
    ("builtins", "exec", f"{CANARY} = 1"),
    ("builtins", "eval", f"'{CANARY}'"),
    ("__builtin__", "eval", f"'{CANARY}'"),
    ("builtins", "__import__", CANARY),
    ("importlib", "import_module", CANARY),
    ("builtins", "open", f"/tmp/{CANARY}"),
    (CANARY, "anything", ""),
    ("numpy.testing._private.utils", "runstring", f"{CANARY} = 1"),
    ("torch.serialization", "load", CANARY),
    ("pickle", "loads", CANARY),
    ("numpy", "load", CANARY),
    ("numpy._core.multiarray", "fromfile", CANARY),
    ("builtins", "getattr", CANARY),
    ("types", "FunctionType", CANARY),
    ("os", "putenv", CANARY),
    ("socket", "socket", CANARY),
    ("shutil", "rmtree", f"/tmp/{CANARY}"),
)
"""Module, name and text argument."""


def call(draw: Random) -> bytes:
    """Opcodes that leave the result of a forbidden call on the stack, each way of calling that pickles have."""
    module, name, text = (word.encode() for word in draw.choice(CALLS))
    argument = b"X" + len(text).to_bytes(4, "little") + text
    named = b"c" + module + b"\n" + name + b"\n"
    stacked = b"\x8c" + bytes([len(module)]) + module + b"\x8c" + bytes([len(name)]) + name + b"\x93"
    return draw.choice(
        (
            named + argument + b"\x85R",
            stacked + argument + b"\x85R",
            b"(" + argument + b"i" + module + b"\n" + name + b"\n",
            b"(" + named + argument + b"o",
            named + argument + b"\x85\x81",
            named + argument + b"\x85}\x92",
            named + b")R" + argument + b"b",
            named,
            stacked + argument + b"b",
        )
    )


def payload(draw: Random) -> bytes:
    """A whole pickle around such a call."""
    protocol = bytes([draw.choice((2, 3, 4, 5))])
    return b"\x80" + protocol + call(draw) + b"."
