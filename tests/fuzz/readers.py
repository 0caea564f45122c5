"""The readers under attack, by name, and where the target of each is made."""

from __future__ import annotations

READERS = {
    "npz": "fuzz.npz:TARGET",
    "idx": "fuzz.idx:TARGET",
    "cifar10": "fuzz.pickles:CIFAR10",
    "cifar100": "fuzz.pickles:CIFAR100",
    "imagenet": "fuzz.pickles:IMAGENET",
    "csv": "fuzz.tables:TARGET",
    "parquet": "fuzz.parquet:TARGET",
    "images": "fuzz.images:TARGET",
    "toml": "fuzz.toml:TARGET",
    "superclasses": "fuzz.toml:SUPERCLASSES",
    "safetensors": "fuzz.runs:SAFETENSORS",
    "run": "fuzz.runs:TARGET",
    "page": "fuzz.runs:PAGE",
}
"""module:NAME; the targets are imported where inputs are made, in the workers alone.

page measures a stored run and writes its page, which takes a hundred times as long as reading one.
"""
