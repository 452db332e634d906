"""The scale from words without a meaning to words with one."""

import pytest
import torch
from torch.nn.functional import normalize

from dbexp.identifiers.strength import Scale, Verdict, alikeness, paired_distances, worst

CONTROLS, KNOWN = ["a", "b", "c"], ["dog", "red"]
VALUES = {"a": 0.10, "b": 0.12, "c": 0.14, "dog": 0.50, "red": 0.54}


def test_a_control_is_nothing_and_an_everyday_word_is_all() -> None:
    scale = Scale.of(VALUES, CONTROLS, KNOWN)
    assert scale.strength(0.12) == pytest.approx(0) and scale.strength(0.52) == pytest.approx(1)
    assert scale.tells and scale.limit == pytest.approx(3 * 0.02 / 0.4)


@pytest.mark.parametrize(("factor", "shift"), [(10.0, 0.0), (0.01, 3.0)])
def test_the_unit_of_a_measure_does_not_matter(factor: float, shift: float) -> None:
    other = Scale.of({word: factor * value + shift for word, value in VALUES.items()}, CONTROLS, KNOWN)
    for value in (0.1, 0.2, 0.3, 0.6):
        assert other.strength(factor * value + shift) == pytest.approx(
            Scale.of(VALUES, CONTROLS, KNOWN).strength(value)
        )


def test_one_odd_control_moves_little() -> None:
    odd = Scale.of({**VALUES, "c": 0.45}, CONTROLS, KNOWN)
    assert odd == Scale.of(VALUES, CONTROLS, KNOWN)


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.05, "blank"), (0.15, "blank"), (0.2, "faint"), (0.3, "taken"), (0.9, "taken")]
)
def test_verdicts_follow_strength(value: float, verdict: str) -> None:
    assert Scale.of(VALUES, CONTROLS, KNOWN).verdict(value) == verdict


def test_a_measure_in_which_everyday_words_do_not_stand_clear_tells_nothing() -> None:
    assert not Scale.of({**VALUES, "dog": 0.11, "red": 0.12}, CONTROLS, KNOWN).tells
    assert not Scale.of({**VALUES, "dog": 0.13, "red": 0.13}, CONTROLS, KNOWN).tells
    assert worst([]) == Verdict.unclear
    assert worst([Verdict.blank, Verdict.taken, Verdict.faint]) == Verdict.taken


def test_cosines_are_of_pairs_and_of_all_pairs() -> None:
    these = normalize(torch.randn(4, 6, generator=torch.Generator().manual_seed(0)), dim=-1)
    assert paired_distances(these, these).tolist() == pytest.approx([0] * 4, abs=1e-6)
    assert paired_distances(these, -these).tolist() == pytest.approx([2] * 4, abs=1e-6)
    assert alikeness(these[:1].expand(3, -1)) == pytest.approx(1, abs=1e-6)
    by_hand = [float(these[i] @ these[j]) for i in range(4) for j in range(4) if i != j]
    assert alikeness(these) == pytest.approx(sum(by_hand) / 12, abs=1e-6)
    with pytest.raises(ValueError, match="one picture"):
        alikeness(these[:1])
