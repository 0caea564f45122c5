"""Dense products on the block layout: panels of 32 outputs, finished while they are in the first cache."""

# S blocks, F features, O outputs, I inputs, both padded to 32; C words of a stored feature, T tasks

from __future__ import annotations

import numpy as np
from numba import prange

from siftnet.host.compiling import njit
from siftnet.kernels.blocks import plain
from siftnet.kernels.blocks.epilogue import finish_gradient, finish_input, finish_output
from siftnet.kernels.blocks.layout import PANEL, WIDTH
from siftnet.kernels.blocks.pack import TILE, pack_block, transpose_words
from siftnet.kernels.blocks.rule import step_weights
from siftnet.kernels.blocks.tile_product import TILES, begin_tiles, end_tiles, panel_product
from siftnet.kernels.blocks.vectors import LANES


@njit(cache=True, error_model="numpy")
def multiply_panel(tier, amx, a, a_at, b, b_at, c, c_at, words, repeats):  # type: ignore[no-untyped-def]  # compiled
    """`tile_product.panel_product` in either tier."""
    if tier == plain.PLAIN:
        plain.panel_product(a, a_at, b, b_at, c, c_at, words, repeats)
    else:
        panel_product(amx, a, a_at, b, b_at, c, c_at, words, repeats)


@njit(cache=True, error_model="numpy")
def multiply_block(tier, amx, weights, first, packed, s, rows):  # type: ignore[no-untyped-def]  # compiled
    """rows, flat (32 x 128), = the panel of folded weights that begins at row `first` times packed[s]."""
    words = weights.shape[1]
    weights_at = (first * words, LANES, LANES * words, TILE, 0)
    for c in range(0, WIDTH, PANEL):
        multiply_panel(
            tier, amx, weights, weights_at, packed, (s * words * WIDTH + c, WIDTH, 0), rows, (c, WIDTH), words, 1
        )  # fmt: skip


@njit(parallel=True, cache=True, error_model="numpy")
def forward_tiles(  # type: ignore[no-untyped-def]  # compiled
    tier, amx, together, z, packed, values, parts, constants, centres, hidden, counts, out, moments
):  # fmt: skip
    """Outputs of a layer, centred, rounded and stored in `out`, with their moments.

    z: either storage; packed (S, I in words, 128): room for it in words along features, z itself if it is float32;
    values: see pack.fold_tiles; parts (T + 1,): where the panels are cut into tasks; constants, centres (O,), counts,
    out, moments: see epilogue.finish_output. A thread takes `together` blocks through a panel before the next one.
    """
    blocks, tasks = packed.shape[0], parts.shape[0] - 1
    for task in prange(blocks // together * tasks):
        group, part = task // tasks * together, task % tasks
        for s in range(group, group + together):
            pack_block(z, s, packed)
        rows = np.empty(PANEL * WIDTH, np.float32)
        begin_tiles(amx, TILES)
        for panel in range(parts[part], parts[part + 1]):
            first = panel * PANEL
            # A panel of weights comes from afar and serves all blocks at hand.
            for s in range(group, group + together):
                multiply_block(tier, amx, values, first, packed, s, rows)
                for o in range(first, min(first + PANEL, constants.shape[0])):
                    finish_output(
                        rows, (o - first) * WIDTH, s, o, constants, centres, hidden, counts, out, moments
                    )  # fmt: skip
        end_tiles(amx)


@njit(parallel=True, cache=True, error_model="numpy")
def backward_tiles(  # type: ignore[no-untyped-def]  # compiled
    tier, amx, together, d, packed, turned, parts, offsets, slopes, centres, counts, z, sums
):  # fmt: skip
    """Gradients of a layer's inputs before their ReLU, stored over the inputs z, with their sums over each block.

    d: the outputs' gradients, packed as z is in `forward_tiles`; turned: see pack.fold_tiles; parts (T + 1,): where the
    panels of inputs are cut into tasks; offsets, slopes, centres (I,), counts, z, sums: see epilogue.finish_input.
    """
    blocks, tasks = packed.shape[0], parts.shape[0] - 1
    for task in prange(blocks // together * tasks):
        group, part = task // tasks * together, task % tasks
        for s in range(group, group + together):
            pack_block(d, s, packed)
        rows = np.empty(PANEL * WIDTH, np.float32)
        begin_tiles(amx, TILES)
        for panel in range(parts[part], parts[part + 1]):
            first = panel * PANEL
            # A panel of weights comes from afar and serves all blocks at hand.
            for s in range(group, group + together):
                multiply_block(tier, amx, turned, first, packed, s, rows)
                for i in range(first, min(first + PANEL, offsets.shape[0])):
                    finish_input(rows, (i - first) * WIDTH, s, i, offsets, slopes, centres, counts, z, sums)
        end_tiles(amx)


@njit(cache=True, error_model="numpy")
def turn_inputs(z, low, high, turned):  # type: ignore[no-untyped-def]  # compiled
    """turned (I / 32, S C, 32) = the inputs low to high - 1 of all blocks, examples down, 32 inputs side by side."""
    blocks, features, width = z.shape
    for s in range(blocks):
        for i in range(low, high, LANES):
            for k in range(0, width, LANES):
                target = (i // PANEL * blocks * width + s * width + k) * PANEL + i % PANEL
                transpose_words(z, (s * features + i) * width + k, width, turned, target, PANEL)


@njit(parallel=True, cache=True, error_model="numpy", fastmath={"contract"})
def gradient_tiles(  # type: ignore[no-untyped-def]  # compiled
    tier, amx, rule, d, z, turned, parts, output_sums, scales, shifts, weights, kept, first, second, by_input
):  # fmt: skip
    """Update the weights, and add up what batch norm's own gradients need.

    d, z: either storage, (S, F, C); turned (I / 32, S C, 32): room for z with words along the examples; parts (T + 1,):
    where the panels of inputs are cut into tasks; output_sums: float64, of the real outputs; scales, shifts: float32
    (I,); weights, kept, first, second: flat (O x I), see rule.step_weights; by_input: float32 (1, 2, I). A thread owns
    all outputs of its inputs, so sums over outputs need no second pass.
    """
    blocks, inputs, width = len(z), len(scales), z.shape[2]
    for part in prange(parts.shape[0] - 1):
        low, high = parts[part] * PANEL, parts[part + 1] * PANEL
        count = high - low
        turn_inputs(z, low, high, turned)
        rows = np.empty(PANEL * count, np.float32)
        by_input[0, :, low:high] = 0
        begin_tiles(amx, TILES)
        for panel in range(0, weights.shape[0] // inputs, PANEL):
            d_at = (panel * width, width, LANES * width, LANES, d.shape[1] * width)
            for i in range(low, high, PANEL):
                turned_at, rows_at = (i * blocks * width, PANEL, width * PANEL), (i - low, count)
                multiply_panel(tier, amx, d, d_at, turned, turned_at, rows, rows_at, width, blocks)
            for o in range(panel, min(panel + PANEL, output_sums.shape[0])):
                line, begin, end = (o - panel) * count, o * inputs + low, o * inputs + high
                finish_gradient(
                    rows, line, weights, kept, begin, output_sums[o], scales, shifts, by_input, low, inputs, count
                )  # fmt: skip
                gradients = rows[line : line + count]
                step_weights(rule, weights[begin:end], gradients, first[begin:end], second[begin:end])
        end_tiles(amx)
