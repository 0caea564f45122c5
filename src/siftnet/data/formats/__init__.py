"""Files of the field, one reader a file, `read(config) -> Raw`, all of them in registry.py.

Readers: arrays (.npz), cifar, folder (images by class), idx (MNIST), imagenet (downsampled), table (CSV, parquet), and
synthetic, which makes its examples. What they share: raw.py (what a reader hands over), root.py (where data.root
points), likely.py (which format data are of, by names), axes.py (array axes -> inputs and geometry), npz_members.py and
unpickle.py (files that are not trusted), gaussian.py (the fields that synthetic draws).
"""
