"""The sentence about several seeds: what is claimed, of how many of them, and what has to be known to read it."""

from __future__ import annotations

from typing import Any

from builders import Values, round_over_seeds, seed_run, seeds_summary
from siftnet.report.claim import claim, keys, progress_sentences, scope
from siftnet.studies.seeds import Metric, SeedsSummary


def summary(
    gains: Values,
    index: Values | None = None,
    metric: Metric = "accuracy",
    p: Any = 0.005,
    **states: Any,
) -> SeedsSummary:
    """Seeds with these gains and indices, of which None is of a seed without; states: changes by seed."""
    count = len(gains)
    row = round_over_seeds(
        8,
        0.017,
        p=p if isinstance(p, list) else [p] * count,
        index_degree=[4.60 + 0.01 * (seed % 3 - 1) for seed in range(count)] if index is None else index,
        test=[0.12] * count,
        validation=[None if g is None else 0.13 for g in gains],
    )
    runs = [seed_run(seed, **states.get(f"seed_{seed}", {})) for seed in range(count)]
    return seeds_summary([row], runs=runs, gains=gains, metric=metric, headline=8)


def claimed(found: SeedsSummary, augmented: bool = False, permuted: str = "none") -> tuple[str, str]:
    return claim(found, augmented=augmented, permuted=permuted)


def test_the_largest_p_of_the_seeds_is_told_where_each_has_one() -> None:
    assert "(index_degree; p at most 0.05 in each)." in claimed(summary([0.02, 0.03], p=[0.005, 0.05]))[0]
    assert "(index_degree)." in claimed(summary([0.02, 0.03], p=[0.005, None]))[0]
    # A seed without an index has no p to miss.
    found = claimed(summary([0.02, 0.03, 0.04], [4.5, 4.6, None], p=[0.005, 0.005, None]))[0]
    assert "(index_degree; p = 0.005 in each)." in found


def test_masks_that_were_taken_from_another_run_are_not_claimed_as_found() -> None:
    _, why = claim(summary([0.02, 0.03]), augmented=False, permuted="none", started="round 8 of small")
    assert "Its masks began as those of round 8 of small, whose structure was found there." in why


def test_labels_that_know_another_geometry_are_told_of_beside_locality() -> None:
    given: dict[str, Any] = {"augmented": False, "permuted": "none", "elsewhere": "ring of 9 sites"}
    assert "labels come from neighbours on another, a ring of 9 sites." in claim(summary([0.02, 0.03]), **given)[1]
    without = summary([0.02, 0.03], [None, None], p=[None, None])
    assert "another" not in claim(without, **given)[1]


def test_a_gain_a_loss_and_neither_are_told_apart() -> None:
    more, why = claimed(summary([0.022, 0.024, 0.026]))
    assert more == (
        "Over 3 seeds the best sparse network is 2.4 points [1.9, 2.9] more accurate on the test set than the dense "
        "one; at 1.7% density masks hold 4.60 ± 0.01 times the near pairs of degree-preserving shuffles (index_degree; "
        "p = 0.005 in each)."
    )
    assert "3 of 3 seeds gained on the test set" in why
    assert "3 seeds are few" in why
    assert "few" not in claimed(summary([0.022, 0.024, 0.026, 0.023, 0.025]))[1]
    less, _ = claimed(summary([-0.022, -0.024, -0.026]))
    assert "is 2.4 points [1.9, 2.9] less accurate on the test set than the dense one" in less
    alike, _ = claimed(summary([-0.01, 0.0, 0.012]))
    assert "as accurate on the test set as the dense one, as far as they can tell (+0.1 points [−2.7, 2.8])" in alike
    squared, _ = claimed(summary([0.022, 0.024, 0.026], metric="r2"))
    assert "is better than the dense one by an R² of 0.024 [0.019, 0.029] on the test set" in squared


def test_equal_gains_are_claimed_without_an_interval() -> None:
    more, why = claimed(summary([0.024] * 3, index=[4.6] * 3))
    assert more == (
        "Over 3 seeds the best sparse network is 2.40 points more accurate on the test set than the dense one, in each "
        "of them alike; at 1.7% density masks hold 4.60 times the near pairs of degree-preserving shuffles "
        "(index_degree; p = 0.005 in each), in each of them alike."
    )
    assert "Where all seeds agree there is no interval" in why
    less, _ = claimed(summary([-0.024] * 2))
    assert "is 2.40 points less accurate on the test set than the dense one, in each of them alike" in less
    alike, _ = claimed(summary([0.0] * 4))
    assert "is as accurate on the test set as the dense one, in each of them alike" in alike
    squared, _ = claimed(summary([0.024] * 2, metric="r2"))
    assert "is better than the dense one by an R² of 0.024 on the test set, in each of them alike" in squared
    gain = next(k for k in keys(summary([0.024] * 3), augmented=False) if "best sparse over dense" in k.label)
    assert (gain.value, gain.remark) == ("+2.40", "in each alike")


def test_locality_says_of_how_many_seeds_it_is_where_the_gain_is_of_others() -> None:
    gains = [0.022, 0.024, 0.026, 0.023, 0.025]
    said, why = claimed(summary(gains, index=[4.59, 4.60, 4.61, None, 4.60]))
    assert "Over 5 seeds the best" in said
    assert "; at 1.7% density the masks of 4 of 5 seeds hold 4.60 ± 0.01 times" in said
    assert "4 seeds are few" in why
    # As many, but others.
    said, _ = claimed(summary([None, *gains[1:]], index=[4.59, 4.60, 4.61, None, 4.60]))
    assert "Over 4 of 5 seeds the best" in said
    assert "the masks of 4 of 5 seeds hold" in said
    said, _ = claimed(summary([None, *gains[1:]], index=[None, 4.60, 4.61, 4.59, 4.60]))
    assert "density masks hold" in said


def test_seeds_that_are_behind_are_named_and_how_far_they_are() -> None:
    told = progress_sentences(
        summary(
            [0.02, 0.03, None, None, None, None, 0.02],
            seed_1={"diverged": (9, 7), "stop": "round 9 diverged at step 7: lower train.lr"},
            seed_2={"reached": 1, "stop": None},
            seed_3={"reached": None, "stop": None},
            seed_4={"reached": None, "stop": None},
            seed_5={"reached": 5, "stop": "only 0% of the units of layers.0 would keep an input"},
        )
    )
    assert told == (
        "Seed 1 diverged in round 9 and did not count from there on. Seed 2 is unfinished, at round 1 of 9. "
        "Seeds 3, 4 have not begun. Seed 5 stopped at round 5: only 0% of the units of layers.0 would keep an input. "
        "Not in round 8, where seeds are compared: seeds 2 to 5."
    )
    assert progress_sentences(summary([0.02, 0.03])) == ""
    assert (
        "Seed 0 is unfinished, at round 8 of 9." in claimed(summary([0.1, 0.2], seed_0={"reached": 8, "stop": None}))[1]
    )


def test_nothing_to_compare_still_says_who_is_behind() -> None:
    assert "Seed 1 has not begun." in claimed(summary([0.1, None], seed_1={"reached": None, "stop": None}))[1]


def test_a_claim_says_how_inputs_were_permuted() -> None:
    told = [claimed(summary([0.1, 0.2]), permuted=permuted)[1] for permuted in ("none", "fixed", "each")]
    assert told[0].endswith("nothing told the network which inputs are neighbours.")
    assert "One fixed permutation shuffled all inputs" in told[1]
    assert told[2].endswith("Each image was shuffled afresh, so there was no neighbourhood to find: a control.")


def test_a_claim_of_a_network_that_was_told_says_so() -> None:
    why = claimed(summary([0.1, 0.2]), augmented=True)[1]
    assert why.endswith("told the network what a neighbour is; it did not find that by itself.")
    told = [key for key in keys(summary([0.1, 0.2]), augmented=True) if key.label == "told about geometry"]
    assert told[0].value == "yes"


def test_the_standard_error_of_the_test_set_is_that_of_the_headline() -> None:
    # (12 + 2) / 104 right of 100 examples, Agresti and Coull's.
    share = 14 / 104
    error = 100 * (share * (1 - share) / 104) ** 0.5
    assert f"a standard error of {error:.2f} points:" in scope(summary([0.1, 0.2]), {"test": 100})
