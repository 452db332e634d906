"""Metrics of embeddings against plain double loops; neither batches, their order nor processes change a score."""

import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dbexp.evaluation.metrics import (
    ClassFidelity,
    CopyCheck,
    Diversity,
    PictureMetric,
    PromptSimilarity,
    SubjectSimilarity,
    photo_threshold,
    real_similarity,
)

WIDTH, NUM_PICTURES = 6, 11
UNEVEN = (3, 1, 5, 2)
PROMPTS = torch.tensor([4, 4, 4, 9, 9, 2, 9, 9, 4, 7, 7])  # prompt 2 has one picture


def vectors(num: int, seed: int) -> Tensor:
    """Random directions of random length."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, WIDTH, generator=generator) * (1 + torch.rand(num, 1, generator=generator))


GENERATED, PHOTOS, TEXTS, CLASSES = vectors(NUM_PICTURES, 0), vectors(4, 1), vectors(NUM_PICTURES, 2), vectors(5, 3)


def cosine(one: Tensor, other: Tensor) -> float:
    """By the definition, in Python's own double precision."""
    first, second = one.tolist(), other.tolist()
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    return dot / math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def make(kind: type[PictureMetric]) -> Any:
    """A metric with the references of this file; row 2 is the class."""
    arguments: dict[type, tuple[Any, ...]] = {
        SubjectSimilarity: (PHOTOS,),
        CopyCheck: (PHOTOS, 0.5),
        ClassFidelity: (CLASSES, 2),
    }
    return kind(*arguments.get(kind, ()))


def feed(metric: Any, rows: Tensor, numbered: bool = True) -> None:
    """Give a metric the pictures of these rows, as one batch."""
    numbers = rows if numbered else None
    if isinstance(metric, Diversity):
        metric.update(GENERATED[rows], PROMPTS[rows])
    elif isinstance(metric, PromptSimilarity):
        metric.update(GENERATED[rows], TEXTS[rows], numbers)
    else:
        metric.update(GENERATED[rows], numbers)


def numbers_of(metric: Any) -> Tensor:
    """All that a metric says, one vector."""
    value = metric.compute()
    told = list(value.values()) if isinstance(value, dict) else [value]
    if isinstance(metric, Diversity):
        own = [torch.tensor(list(metric.per_prompt().values()))]
    elif isinstance(metric, CopyCheck):
        own = [metric.nearest().photo, metric.nearest().cosine]
    else:
        each = metric.per_picture()
        own = list(each.values()) if isinstance(each, dict) else [each]
    return torch.cat([torch.stack(told).float(), *(values.float() for values in own)])


def scored(kind: type[PictureMetric], batches: list[Tensor], numbered: bool = True) -> Any:
    metric = make(kind)
    for rows in batches:
        feed(metric, rows, numbered)
    return metric


EVERY = torch.arange(NUM_PICTURES)
KINDS = [SubjectSimilarity, PromptSimilarity, Diversity, CopyCheck, ClassFidelity]


def reference_subject() -> Iterator[float]:
    each = [mean([cosine(picture, photo) for photo in PHOTOS]) for picture in GENERATED]
    yield mean([cosine(picture, photo) for picture in GENERATED for photo in PHOTOS])
    yield from each


def reference_prompt() -> Iterator[float]:
    each = [cosine(picture, text) for picture, text in zip(GENERATED, TEXTS, strict=True)]
    yield mean(each)
    yield from each


def reference_diversity() -> Iterator[float]:
    spreads = []
    for prompt in (4, 7, 9):
        rows = [row for row in range(NUM_PICTURES) if int(PROMPTS[row]) == prompt]
        spreads.append(mean([1 - cosine(GENERATED[a], GENERATED[b]) for a in rows for b in rows if a != b]))
    yield mean(spreads)
    yield from spreads


def reference_copies() -> Iterator[float]:
    cosines = [[cosine(picture, photo) for photo in PHOTOS] for picture in GENERATED]
    yield mean([float(max(row) >= 0.5) for row in cosines])
    yield from (float(row.index(max(row))) for row in cosines)
    yield from (max(row) for row in cosines)


def reference_class() -> Iterator[float]:
    cosines = [[cosine(picture, text) for text in CLASSES] for picture in GENERATED]
    own, is_class = [row[2] for row in cosines], [float(row.index(max(row)) == 2) for row in cosines]
    yield mean(own)
    yield mean(is_class)
    yield from own
    yield from is_class


REFERENCES: dict[type[PictureMetric], Callable[[], Iterator[float]]] = {
    SubjectSimilarity: reference_subject,
    PromptSimilarity: reference_prompt,
    Diversity: reference_diversity,
    CopyCheck: reference_copies,
    ClassFidelity: reference_class,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("numbered", [True, False])
def test_uneven_batches_give_what_a_double_loop_gives(kind: type[PictureMetric], numbered: bool) -> None:
    metric = scored(kind, list(EVERY.split(UNEVEN)), numbered)
    expected = torch.tensor(list(REFERENCES[kind]()))
    assert torch.allclose(numbers_of(metric), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_batch_size_nor_order_matters(kind: type[PictureMetric]) -> None:
    whole = numbers_of(scored(kind, [EVERY]))
    shuffled = torch.randperm(NUM_PICTURES, generator=torch.Generator().manual_seed(5))
    for batches in (EVERY.split(1), EVERY.flip(0).split(4), shuffled.split(UNEVEN)):
        assert torch.allclose(numbers_of(scored(kind, list(batches))), whole, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_length_of_a_vector_and_lower_precision_around_do_not_matter(
    kind: type[PictureMetric], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = numbers_of(scored(kind, [EVERY]))
    for name in ("GENERATED", "PHOTOS", "TEXTS", "CLASSES"):
        monkeypatch.setitem(globals(), name, globals()[name] * 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.allclose(numbers_of(scored(kind, [EVERY])), whole, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_asking_twice_and_in_between_changes_nothing(kind: type[PictureMetric]) -> None:
    metric = scored(kind, [EVERY[:6]])
    numbers_of(metric)
    feed(metric, EVERY[6:])
    first = numbers_of(metric)
    assert torch.equal(first, numbers_of(metric))
    assert torch.allclose(first, numbers_of(scored(kind, [EVERY])), atol=1e-6)
    metric.reset()
    feed(metric, EVERY[:6])
    assert torch.equal(numbers_of(metric), numbers_of(scored(kind, [EVERY[:6]])))


def test_a_call_scores_its_batch_and_adds_it() -> None:
    metric = SubjectSimilarity(PHOTOS)
    first = metric(GENERATED[:4])
    metric(GENERATED[4:])
    assert torch.allclose(first, scored(SubjectSimilarity, [EVERY[:4]]).compute())
    assert torch.allclose(metric.per_picture(), scored(SubjectSimilarity, [EVERY]).per_picture())


def test_equal_pictures_are_wholly_alike_and_not_various() -> None:
    same = vectors(1, 7).repeat(5, 1)
    subject, prompt, diversity = SubjectSimilarity(same[:3]), PromptSimilarity(), Diversity()
    copies = CopyCheck(same[:3], 1.0)
    subject.update(same)
    prompt.update(same, same)
    diversity.update(same, torch.tensor([0, 0, 0, 1, 1]))
    copies.update(same)
    assert float(subject.compute()) == pytest.approx(1, abs=1e-6)
    assert float(prompt.compute()) == pytest.approx(1, abs=1e-6)
    assert float(diversity.compute()) == pytest.approx(0, abs=1e-6)
    assert float(copies.compute()) == 1
    assert photo_threshold(same) == pytest.approx(1, abs=1e-6) and photo_threshold(same) <= 1
    assert real_similarity(same, self_pairs=False) == pytest.approx(1, abs=1e-6)


def test_opposite_pictures_are_as_various_as_can_be() -> None:
    metric = Diversity()
    metric.update(torch.stack([GENERATED[0], -GENERATED[0]]), torch.tensor([3, 3]))
    assert float(metric.compute()) == pytest.approx(2, abs=1e-6)


def test_each_prompt_counts_the_same_however_many_pictures_it_has() -> None:
    metric = Diversity()
    alike, unlike = GENERATED[:1].repeat(9, 1), torch.eye(WIDTH)[:2]
    metric.update(torch.cat([alike, unlike]), torch.tensor([0] * 9 + [1] * 2))
    assert float(metric.compute()) == pytest.approx(0.5, abs=1e-6)
    assert metric.per_prompt() == pytest.approx({0: 0, 1: 1}, abs=1e-6)


def test_the_real_row_with_and_without_self_pairs() -> None:
    rows = range(len(PHOTOS))
    pairs = {(a, b): cosine(PHOTOS[a], PHOTOS[b]) for a in rows for b in rows}
    assert real_similarity(PHOTOS, self_pairs=True) == pytest.approx(mean(list(pairs.values())), abs=1e-6)
    others = [value for (a, b), value in pairs.items() if a != b]
    assert real_similarity(PHOTOS, self_pairs=False) == pytest.approx(mean(others), abs=1e-6)
    # with self-pairs it is what the photos themselves would score as generated pictures
    metric = SubjectSimilarity(PHOTOS)
    metric.update(PHOTOS)
    assert float(metric.compute()) == pytest.approx(real_similarity(PHOTOS, self_pairs=True), abs=1e-6)


def test_the_threshold_is_a_quantile_over_photos_of_the_nearest_other() -> None:
    rows = range(len(PHOTOS))
    nearest = sorted(max(cosine(PHOTOS[a], PHOTOS[b]) for b in rows if b != a) for a in rows)
    assert photo_threshold(PHOTOS) == pytest.approx(nearest[-1], abs=1e-6)
    assert photo_threshold(PHOTOS, 0.5) == pytest.approx((nearest[1] + nearest[2]) / 2, abs=1e-6)


def test_a_threshold_is_never_beyond_one_so_that_the_check_takes_it() -> None:
    for seed in range(50):  # in float32 some vectors have a cosine of 1.0000001 with themselves
        twice = vectors(1, seed).repeat(2, 1)
        CopyCheck(twice, photo_threshold(twice))


def test_a_copy_is_found_with_its_photo_and_a_picture_farther_than_photos_are_is_none() -> None:
    threshold = photo_threshold(PHOTOS)
    far = -PHOTOS.sum(0)
    metric = CopyCheck(PHOTOS, threshold)
    metric.update(torch.stack([PHOTOS[2] * 2, far, PHOTOS[1], far]))
    assert float(metric.compute()) == 0.5
    nearest = metric.nearest()
    assert nearest.photo[[0, 2]].tolist() == [2, 1]
    assert nearest.cosine[[0, 2]] == pytest.approx(torch.ones(2), abs=1e-6)
    assert float(nearest.cosine[1]) < threshold


def test_a_copy_counts_to_rounding_at_the_threshold_and_not_below() -> None:
    photo = torch.eye(WIDTH)[:1]
    for cosine_to_photo, rate in ((0.8, 1), (0.8 - 1e-4, 0)):
        metric = CopyCheck(photo, 0.8)
        metric.update(torch.tensor([[cosine_to_photo, math.sqrt(1 - cosine_to_photo**2), 0, 0, 0, 0]]))
        assert float(metric.compute()) == rate


def test_zero_shot_finds_the_class_wherever_it_stands_among_the_nouns() -> None:
    nouns = torch.eye(WIDTH)[:4]
    pictures = torch.cat([nouns[1:2], nouns[1:2] + 0.5 * nouns[3:4], nouns[3:4]])
    for order in ([0, 1, 2, 3], [1, 0, 3, 2], [3, 2, 0, 1]):
        metric = ClassFidelity(nouns[order], order.index(1))
        metric.update(pictures)
        assert metric.per_picture()["is_class"].tolist() == [1, 1, 0]
        assert float(metric.compute()["is_class"]) == pytest.approx(2 / 3)
        assert float(metric.compute()["clip_t"]) == pytest.approx((1 + 2 / math.sqrt(5)) / 3, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_without_pictures_there_is_no_score(kind: type[PictureMetric]) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__} has seen no picture"), pytest.warns(UserWarning):
        make(kind).compute()
    with pytest.raises(ValueError, match=f"{kind.__name__} has seen no picture"):
        numbers_of(scored(kind, [EVERY[:0]]))


def test_a_batch_without_pictures_changes_nothing() -> None:
    for kind in KINDS:
        assert torch.equal(numbers_of(scored(kind, [EVERY, EVERY[:0]])), numbers_of(scored(kind, [EVERY])))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_vector_without_a_direction_is_refused(
    kind: type[PictureMetric], bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = GENERATED.clone()
    broken[3] = bad
    monkeypatch.setitem(globals(), "GENERATED", broken)
    with pytest.raises(ValueError, match="zero, inf or NaN"):
        scored(kind, [EVERY])


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: SubjectSimilarity(PHOTOS[:0]), "no photos"),
        (lambda: CopyCheck(PHOTOS[:0], 0.5), "no photos"),
        (lambda: CopyCheck(PHOTOS, 1.5), "a cosine, not 1.5"),
        (lambda: ClassFidelity(CLASSES[:1], 0), "needs others"),
        (lambda: ClassFidelity(CLASSES, 5), "row 5"),
        (lambda: photo_threshold(PHOTOS[:1]), "two photos or more"),
        (lambda: real_similarity(PHOTOS[:1], self_pairs=False), "two or more"),
        (lambda: real_similarity(PHOTOS[:0], self_pairs=True), "no photos"),
        (lambda: SubjectSimilarity(PHOTOS).update(GENERATED[:, :4]), "two encoders"),
        (lambda: SubjectSimilarity(PHOTOS).update(GENERATED[0]), r"not \(N, D\)"),
        (lambda: SubjectSimilarity(PHOTOS).update(GENERATED, EVERY[:3]), "11 pictures have numbers"),
        (lambda: PromptSimilarity().update(GENERATED, TEXTS[:3]), "no pairs"),
        (lambda: Diversity().update(GENERATED, PROMPTS[:3]), "11 pictures have prompt numbers"),
    ],
)
def test_what_makes_no_score_is_refused(act: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        act()


def test_prompts_of_one_picture_each_have_no_diversity() -> None:
    metric = Diversity()
    metric.update(GENERATED, EVERY)
    with pytest.raises(ValueError, match="two pictures of one prompt"):
        metric.compute()
    assert metric.per_prompt() == {}


@pytest.mark.parametrize("batches", [[EVERY, EVERY[:1]], [EVERY[:4]]])
def test_numbers_that_leave_the_order_open_are_refused(batches: list[Tensor]) -> None:
    metric = scored(SubjectSimilarity, batches)
    if len(batches) == 1:
        feed(metric, EVERY[4:], numbered=False)
    with pytest.raises(ValueError, match="a number of its own"):
        metric.per_picture()


def devices_of(metric: Any) -> set[str]:
    """Of states, buffers and any other tensor it holds."""
    states = [each for state in metric.metric_state.values() for each in state]
    others = [value for value in vars(metric).values() if isinstance(value, Tensor)]
    return {each.device.type for each in (*states, *metric.buffers(), *others)}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_follows_the_metric_to_its_device_wherever_pictures_come_from(
    kind: type[PictureMetric], monkeypatch: pytest.MonkeyPatch
) -> None:
    # "meta" stands for a device that is not the CPU; it knows no autocast
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    metric = scored(kind, [EVERY])
    assert devices_of(metric) == {"cpu"}
    moved = metric.to("meta")
    assert devices_of(moved) == {"meta"}
    feed(moved, EVERY)  # from the CPU
    assert devices_of(moved) == {"meta"}


# what each of two processes sees: every other picture, all and none, none and all
SHARES = [[EVERY[0::2], EVERY[1::2]], [EVERY, EVERY[:0]], [EVERY[:0], EVERY]]


def score_shares(rank: int, place: str) -> None:
    """One process of two: score its share of the pictures, and write what both say together."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{place}/meet", rank=rank, world_size=2)
    told: list[dict[str, Tensor]] = []
    for rows in (shares[rank] for shares in SHARES):
        batches = list(rows.split(2)) if len(rows) else []
        told.append({kind.__name__: numbers_of(scored(kind, batches)) for kind in KINDS})
    try:
        scored(SubjectSimilarity, [SHARES[0][rank]], numbered=False).per_picture()
    except ValueError as error:
        refused = str(error)
    torch.save((told, refused), Path(place) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.ci
def test_two_processes_say_what_one_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a started process finds this file under the name that pytest has given it
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    torch.multiprocessing.spawn(score_shares, args=(str(tmp_path),), nprocs=2)
    for rank in range(2):
        told, refused = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for case in told:
            for kind in KINDS:
                assert torch.allclose(case[kind.__name__], numbers_of(scored(kind, [EVERY])), atol=1e-6), (rank, kind)
        assert len(told) == len(SHARES)
        assert "a number of its own" in refused
