"""Compaction by hand for every trap, by following each path, and by differentiation. O outputs, I inputs, B batch."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kernels.suite import Case, make_case, with_empty_rows_and_columns
from siftnet.config.fields import NetworkConfig
from siftnet.geometry import Unknown
from siftnet.kernels.compaction import Part, compact, live_share
from siftnet.network.effective import effective_masks
from siftnet.network.layers import Affine, Network, build, forward, loss_of
from siftnet.network.masks import Masks
from siftnet.network.state import State

OUTPUTS = 2
RELATIVE = 1e-8


def drawn(weights: list[str], biases: list[str] | None = None, *, norm: bool = True) -> tuple[Network, Masks]:
    """A network whose hidden layers' masks are drawn as rows of bits; all biases are kept unless drawn too."""
    rows = [[[bit == "1" for bit in row] for row in layer.split()] for layer in weights]
    kept = {f"layers.{i}.weight": torch.tensor(layer) for i, layer in enumerate(rows)}
    for i, layer in enumerate(rows):
        kept[f"layers.{i}.bias"] = torch.tensor([bit == "1" for bit in biases[i]] if biases else [True] * len(layer))
    layers = ":".join([*(f"f{len(layer)}" for layer in rows), "x"])
    network = build(NetworkConfig(layers=layers, norm=norm), Unknown(len(rows[0][0])), OUTPUTS, "cross_entropy")
    return network, Masks(kept)


def fields(part: Part) -> dict[str, list[int]]:
    """The part's lists, without the empty ones."""
    return {name: value.tolist() for name, value in vars(part).items() if name != "layer" and len(value)}


def drawn_fields(*weights: str, biases: list[str] | None = None, norm: bool = True) -> list[dict[str, list[int]]]:
    return [fields(part) for part in compact(*drawn(list(weights), biases, norm=norm))]


OUTPUT = {"outputs": [0, 1], "bias_live": [0, 1]}


def test_a_dense_network_is_live_throughout() -> None:
    assert drawn_fields("111 111") == [
        {"inputs": [0, 1, 2], "outputs": [0, 1], "live": [0, 1, 2, 3, 4, 5], "bias_live": [0, 1]},
        {"inputs": [0, 1], "live": [0, 1, 2, 3]} | OUTPUT,
    ]


def test_trap_1_a_unit_without_inputs_is_frozen_and_its_outputs_are_steady() -> None:
    assert drawn_fields("111 000", "11 01") == [
        {"inputs": [0, 1, 2], "outputs": [0], "frozen": [1], "live": [0, 1, 2], "bias_live": [0], "bias_idle": [1]},
        {"inputs": [0], "constants": [1], "outputs": [0], "frozen": [1], "live": [0], "steady": [1, 3]}
        | {"bias_live": [0], "bias_idle": [1]},
        {"inputs": [0], "constants": [1], "live": [0, 2], "steady": [1, 3]} | OUTPUT,
    ]


def test_trap_2_a_unit_without_outputs_leaves_its_weights_dead() -> None:
    assert drawn_fields("111 101", "10 10", biases=["11", "01"]) == [
        {"inputs": [0, 1, 2], "outputs": [0], "live": [0, 1, 2], "dead": [3, 5], "bias_live": [0], "bias_idle": [1]},
        {"inputs": [0], "outputs": [0, 1], "live": [0, 2], "bias_live": [1]},
        {"inputs": [0, 1], "live": [0, 1, 2, 3]} | OUTPUT,
    ]


def test_unread_units_make_those_dead_that_they_alone_read() -> None:
    first, second, third, _ = drawn_fields("11 01", "10 01", "10 10")
    assert first == {"inputs": [0, 1], "outputs": [0], "live": [0, 1], "dead": [3], "bias_live": [0], "bias_idle": [1]}
    assert second == {"inputs": [0], "outputs": [0], "live": [0], "dead": [3], "bias_live": [0], "bias_idle": [1]}
    assert third == {"inputs": [0], "outputs": [0, 1], "live": [0, 2], "bias_live": [0, 1]}


def test_a_unit_that_reads_only_constants_is_constant() -> None:
    _, second, third, _ = drawn_fields("11 00", "10 01", "11 01")
    assert second == {"inputs": [0], "constants": [1], "outputs": [0], "frozen": [1], "live": [0], "steady": [3]} | {
        "bias_live": [0], "bias_idle": [1]
    }  # fmt: skip
    assert third == {"inputs": [0], "constants": [1], "outputs": [0], "frozen": [1], "live": [0], "steady": [1, 3]} | {
        "bias_live": [0], "bias_idle": [1]
    }  # fmt: skip


def test_a_constant_that_only_an_unread_unit_reads_is_dead_and_not_steady() -> None:
    first, second, _, _ = drawn_fields("11 00", "10 01", "10 10", biases=["01", "01", "11"])
    assert first == {"inputs": [0, 1], "outputs": [0], "live": [0, 1], "bias_idle": [1]}
    assert second == {"inputs": [0], "outputs": [0], "live": [0], "dead": [3], "bias_idle": [1]}


def test_first_layer_inputs_that_nobody_reads_are_left_out() -> None:
    first, second, _ = drawn_fields("1010 0001", "10 10")
    assert first["inputs"] == [0, 2]  # 1 has no weight, 3 one to a unit that nothing reads
    assert (first["live"], first["dead"]) == ([0, 2], [7])
    assert second["inputs"] == [0]


def test_without_anything_left_the_output_layer_still_answers() -> None:
    assert drawn_fields("000 000", "00 00", biases=["00", "10"]) == [
        {},
        {"frozen": [0, 1], "bias_idle": [0]},
        {"constants": [0, 1], "steady": [0, 1, 2, 3]} | OUTPUT,
    ]


def test_without_norm_nothing_is_constant() -> None:
    assert drawn_fields("111 000", "11 00", norm=False) == [
        {"inputs": [0, 1, 2], "outputs": [0, 1], "live": [0, 1, 2], "bias_live": [0, 1]},
        {"inputs": [0, 1], "outputs": [0, 1], "live": [0, 1], "bias_live": [0, 1]},
        {"inputs": [0, 1], "live": [0, 1, 2, 3]} | OUTPUT,
    ]
    assert drawn_fields("11 01", "10 10", norm=False)[0]["dead"] == [3]


def test_a_network_without_hidden_layers_is_live() -> None:
    network = build(NetworkConfig(layers="x"), Unknown(3), OUTPUTS, "cross_entropy")
    (part,) = compact(network, Masks({}))
    assert fields(part) == {"inputs": [0, 1, 2], "live": [0, 1, 2, 3, 4, 5]} | OUTPUT


def test_sizes_and_the_live_share() -> None:
    parts = compact(*drawn(["111 101 000", "101 101"]))
    assert [part.shape for part in parts] == [(1, 3), (2, 1), (2, 2)]
    assert [part.survivors for part in parts] == [5, 4, 4]
    assert live_share(parts) == (3 + 2 + 4) / 13
    assert live_share(parts[:0]) == 0
    assert all(value.dtype == torch.int64 for part in parts for name, value in vars(part).items() if name != "layer")


def test_convolutions_are_not_compacted() -> None:
    p = make_case("c3-2:f3:x")
    with pytest.raises(AssertionError, match="only affine layers"):
        compact(p.network, p.masks)


def paths(kept: list[np.ndarray], first: int, last: int) -> list[tuple[int, ...]]:
    """Every path from level `first` to level `last`, as its units, found by trying all sequences of units."""
    sizes = [kept[0].shape[1], *(len(kept_OI) for kept_OI in kept)]
    return [
        units
        for units in product(*(range(size) for size in sizes[first : last + 1]))
        if all(kept[first + i][to, of] for i, (of, to) in enumerate(pairwise(units)))
    ]


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[str], list[str], bool]:
    """What `drawn` makes a network of, which is made in the test: types are checked at random places there."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    bits = {of_to: draw(st.lists(st.booleans(), min_size=16, max_size=16)) for of_to in range(len(sizes) - 1)}
    weights = [
        " ".join("".join("01"[bits[i][4 * o + c]] for c in range(of)) for o in range(to))
        for i, (of, to) in enumerate(pairwise(sizes))
    ]
    biases = ["".join("01"[bit] for bit in draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in sizes[1:]]
    return weights, biases, draw(st.booleans())


@given(texts())
@settings(max_examples=150, deadline=None)
def test_compaction_agrees_with_following_every_path(text: tuple[list[str], list[str], bool]) -> None:
    weights, bias_bits, norm = text
    case = drawn(weights, bias_bits, norm=norm)
    network, masks = case
    parts = compact(network, masks)
    last = len(parts)
    kept = [masks[f"layers.{i}.weight"].numpy() for i in range(last - 1)]
    kept.append(np.ones((OUTPUTS, len(kept[-1])), bool))
    effective = effective_masks(network, masks)
    for i, part in enumerate(parts):
        levels = []
        for level in (i, i + 1):
            count = part.layer.inputs if level == i else part.layer.outputs
            arrived = {units[-1] for units in paths(kept, 0, level)}
            varies = set(range(count)) if level in (0, last) or not network.norm else arrived
            levels.append((varies, {units[0] for units in paths(kept, level, last)}))
        (varies_below, read_below), (varies_above, read_above) = levels
        biases = np.flatnonzero(masks[f"layers.{i}.bias"].numpy()).tolist() if i < last - 1 else range(OUTPUTS)
        bias: set[int] = set(biases)
        entries: dict[str, list[int]] = {"live": [], "steady": [], "dead": []}
        for o, c in np.argwhere(kept[i]).tolist():
            name = "dead" if o not in read_above else "live" if c in varies_below else "steady"
            entries[name].append(o * part.layer.inputs + c)
        expected = entries | {
            "inputs": sorted(varies_below & read_below),
            "constants": sorted(read_below - varies_below),
            "outputs": sorted(varies_above & read_above),
            "frozen": sorted(read_above - varies_above),
            "bias_live": sorted(bias & varies_above & read_above),
            "bias_idle": sorted(bias - (varies_above & read_above)),
        }
        assert fields(part) == {name: value for name, value in expected.items() if value}
        if network.norm and i < last - 1:
            assert part.live.tolist() == effective[f"layers.{i}.weight"].flatten().nonzero()[:, 0].tolist()
    for below, above in pairwise(parts):
        assert torch.equal(below.outputs, above.inputs)
        assert torch.equal(below.frozen, above.constants)


def tangled(norm: bool = True) -> Case:
    """Every kind of entry: unit 0 is constant in each hidden layer, unit 2 dead in the first two."""

    def edit(kept: dict[str, Tensor]) -> None:
        first, second, third = (kept[f"layers.{i}.weight"] for i in range(3))
        first[0] = False
        first[:, 3] = False
        for weight in (second, third):
            weight[:, [0, 2]] = False
            weight[:2, 0] = True
            weight[0, 1:] = False
        second[2, 2] = True

    return make_case("f12:f8:f6:x", density=0.4, norm=norm).with_masks(edit)


CASES = {
    "tangled": tangled,
    "tangled, norm off": lambda: tangled(norm=False),
    "empty rows and columns": lambda: with_empty_rows_and_columns(make_case(density=0.7)),
    "sparse": lambda: make_case("f12:f8:f6:x", density=0.12),
    "all pruned": lambda: make_case(density=0.0),
    "dense": lambda: make_case(density=1.0),
    "no hidden layer": lambda: make_case("x"),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


def differentiate(
    network: Network, parameters: dict[str, Tensor], masks: Masks, x_BI: Tensor, labels_B: Tensor
) -> tuple[float, dict[str, Tensor]]:
    """Loss and gradients in float64. No bias is masked (pruned ones are 0): a bias's gradient is s_o."""
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    weights = Masks({name: mask for name, mask in masks.items() if name.endswith(".weight")})
    outputs, _ = forward(network, State(leaves), weights, x_BI, training=True)
    loss = loss_of(network, outputs, labels_B)
    return float(loss.detach()), dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def whole(case: Case) -> tuple[dict[str, Tensor], float, dict[str, Tensor]]:
    """Parameters, loss and gradients of the network as it is."""
    parameters = {name: value.double() for name, value in case.state.parameters.items()}
    x_BI, labels_B = case.batches.train(0)
    return parameters, *differentiate(case.network, parameters, case.masks, x_BI.double(), labels_B)


def check_gradients(case: Case, parts: list[Part]) -> None:
    parameters, _, gradients = whole(case)
    near = RELATIVE * max(float(gradient.abs().max()) for gradient in gradients.values())
    for part in parts:
        name = part.layer.name
        gradient_OI, sums_O = gradients[f"{name}.weight"], gradients[f"{name}.bias"]
        reaching = torch.cat([part.outputs, part.frozen])
        others = torch.ones(part.layer.outputs, dtype=torch.bool).index_fill(0, reaching, False)
        assert not gradient_OI.flatten()[part.dead].any()
        assert not sums_O[others].any()
        assert (sums_O[part.frozen].abs() <= near).all()
        assert (gradient_OI[part.frozen].abs() <= near).all()
        if not case.network.norm:
            continue
        gamma_grad_I, beta_grad_I = (gradients[f"{name}.norm.{kind}"] for kind in ("weight", "bias"))
        beta_I = parameters[f"{name}.norm.bias"]
        rows, columns = part.steady // part.layer.inputs, part.steady % part.layer.inputs
        error = gradient_OI.flatten()[part.steady] - beta_I[columns] * sums_O[rows]
        assert (error.abs() <= near).all()
        assert (gamma_grad_I[part.constants].abs() <= near).all()
        expected_I = parameters[f"{name}.weight"].T @ sums_O
        assert ((beta_grad_I - expected_I)[part.constants].abs() <= near).all()


def smaller(
    case: Case, parts: list[Part], parameters: dict[str, Tensor], *, fold: bool
) -> tuple[Network, dict[str, Tensor], Masks, dict[str, tuple[Tensor, ...]]]:
    """The network without its dead units; folded, also without constant ones, whose effect goes into the biases.

    Also which rows and columns of each parameter are left.
    """
    layers, left, kept, index = [], {}, {}, {}
    for part in parts:
        name = part.layer.name
        rows = part.outputs if fold else torch.cat([part.outputs, part.frozen]).sort().values
        columns = part.inputs if fold else torch.cat([part.inputs, part.constants]).sort().values
        layers.append(Affine(name, len(columns), len(rows), part.layer.hidden))
        here = {"weight": (rows[:, None], columns), "bias": (rows,)}
        if case.network.norm:
            here |= {"norm.weight": (columns,), "norm.bias": (columns,)}
        for kind, at in here.items():
            index[f"{name}.{kind}"] = at
            left[f"{name}.{kind}"] = parameters[f"{name}.{kind}"][at]
        if f"{name}.weight" in case.masks:
            kept[f"{name}.weight"] = case.masks[f"{name}.weight"][index[f"{name}.weight"]]
        if fold and case.network.norm:
            weight_OC = parameters[f"{name}.weight"][rows[:, None], part.constants]
            left[f"{name}.bias"] += weight_OC @ parameters[f"{name}.norm.bias"][part.constants]
    return replace(case.network, layers=tuple(layers)), left, Masks(kept), index


def check_smaller(case: Case, parts: list[Part], *, fold: bool) -> None:
    parameters, loss, gradients = whole(case)
    near = RELATIVE * max(float(gradient.abs().max()) for gradient in gradients.values())
    network, left, masks, index = smaller(case, parts, parameters, fold=fold)
    x_BI, labels_B = case.batches.train(0)
    found, small = differentiate(network, left, masks, x_BI.double()[:, index["layers.0.weight"][1]], labels_B)
    assert found == pytest.approx(loss, rel=RELATIVE)
    for name, at in index.items():
        assert ((small[name] - gradients[name][at]).abs() <= near).all(), name


def test_dead_frozen_and_steady_entries_have_the_gradients_that_are_promised(case: Case) -> None:
    check_gradients(case, compact(case.network, case.masks))


# Torch warns about the variance of no columns at all.
@pytest.mark.filterwarnings("ignore:var\\(\\):UserWarning")
@pytest.mark.parametrize("fold", [False, True])
def test_the_network_without_what_is_dead_or_constant_is_the_same(case: Case, fold: bool) -> None:
    check_smaller(case, compact(case.network, case.masks), fold=fold)


def test_the_tangled_network_has_every_kind_of_entry() -> None:
    case = tangled()
    first, second, third, _ = compact(case.network, case.masks)
    assert 3 not in first.inputs
    assert all(len(part.live) > 10 for part in (first, second, third))
    for part in (second, third):
        assert (part.constants.tolist(), part.frozen.tolist()) == ([0], [0])
        assert part.steady.tolist() == [0, part.layer.inputs]  # to a frozen output and to one that varies
        assert 1 in part.outputs
    assert len(first.dead) > 1
    assert len(second.dead) > 1


def test_a_wrong_part_is_noticed() -> None:
    case = tangled()
    parts = compact(case.network, case.masks)
    for field, other in (("dead", "live"), ("steady", "live"), ("frozen", "outputs"), ("constants", "inputs")):
        wrong = replace(parts[1], **{field: getattr(parts[1], other)})
        with pytest.raises(AssertionError):
            check_gradients(case, [parts[0], wrong, *parts[2:]])
    with pytest.raises(AssertionError):
        check_gradients(case, [parts[0], replace(parts[1], outputs=parts[1].outputs[1:]), *parts[2:]])
    for constants in (parts[2].constants[:0], parts[2].inputs):
        with pytest.raises(AssertionError):
            check_smaller(case, [*parts[:2], replace(parts[2], constants=constants), parts[3]], fold=True)
