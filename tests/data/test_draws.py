import pytest
import torch

from dbexp.data import draws


def test_a_draw_depends_on_seed_set_number_and_purpose_and_on_nothing_else() -> None:
    first = draws.normal(0, "instance", 5, "noise", (4, 2, 2))
    torch.manual_seed(123)
    torch.randn(10)
    assert torch.equal(first, draws.normal(0, "instance", 5, "noise", (4, 2, 2)))
    for other in [(1, "instance", 5, "noise"), (0, "prior", 5, "noise"), (0, "instance", 6, "noise")]:
        assert not torch.equal(first, draws.normal(*other, (4, 2, 2)))
    assert not torch.equal(first, draws.normal(0, "instance", 5, "posterior", (4, 2, 2)))


def test_draws_leave_the_global_generator_as_it_was() -> None:
    state = torch.get_rng_state()
    draws.pick(0, "instance", 3, 5)
    draws.normal(0, "instance", 3, "noise", (4,))
    draws.timestep(0, "instance", 3, 1000)
    draws.coin(0, "instance", 3, "flip")
    assert torch.equal(state, torch.get_rng_state())


def test_seeds_stay_the_same_between_versions() -> None:
    # Written down once: a change here would make every resumed run draw something else.
    assert draws.hashed(64, 0, "instance", 0, "noise") == 9002248158168670449
    assert draws.picture_seed("a photo of a {subject}", 0) == 3424417092


def test_neighbouring_parts_do_not_run_together() -> None:
    assert draws.hashed(64, 1, "a", 12, "b") != draws.hashed(64, 1, "a1", 2, "b")


def test_every_item_once_per_pass_and_each_pass_in_an_order_of_its_own() -> None:
    passes = [tuple(draws.pick(0, "instance", n, 6) for n in range(start, start + 6)) for start in range(0, 60, 6)]
    assert all(sorted(order) == list(range(6)) for order in passes)
    assert len(set(passes)) > 5
    assert passes[0] != tuple(draws.pick(0, "prior", n, 6) for n in range(6))


def test_integers_reach_both_ends_and_nothing_beyond() -> None:
    drawn = {draws.uniform_int(0, "instance", number, "crop_top", 3) for number in range(60)}
    assert drawn == {0, 1, 2}
    assert {draws.uniform_int(0, "instance", number, "crop_top", 1) for number in range(5)} == {0}


def test_timesteps_are_uniform_and_the_two_sets_differ() -> None:
    instance = torch.tensor([draws.timestep(0, "instance", number, 1000) for number in range(1000)])
    prior = torch.tensor([draws.timestep(0, "prior", number, 1000) for number in range(1000)])
    assert 0 <= int(instance.min()) < 20 and 980 <= int(instance.max()) < 1000
    assert abs(float(instance.float().mean()) - 499.5) < 4 * 289 / 1000**0.5
    assert float((instance == prior).float().mean()) < 0.02


def test_normal_values_are_standard_normal_and_independent_between_samples() -> None:
    values = torch.stack([draws.normal(0, "instance", number, "noise", (1024,)) for number in range(20)])
    assert abs(float(values.mean())) < 4 / 20480**0.5
    assert abs(float(values.std()) - 1) < 0.03
    assert float((torch.corrcoef(values) - torch.eye(20)).abs().max()) < 0.2


def test_coin_falls_on_both_sides() -> None:
    heads = sum(draws.coin(0, "instance", number, "flip") for number in range(400))
    assert 160 < heads < 240


@pytest.mark.parametrize(("batch_size", "accumulate", "ranks"), [(4, 1, 1), (2, 2, 1), (2, 1, 2), (1, 2, 2), (1, 4, 1)])
def test_an_optimizer_step_covers_the_same_numbers_however_it_is_split(
    batch_size: int, accumulate: int, ranks: int
) -> None:
    for step in range(3):
        covered = [
            number
            for micro_step in range(step * accumulate, (step + 1) * accumulate)
            for rank in range(ranks)
            for number in draws.numbers(micro_step, batch_size, rank, ranks)
        ]
        assert sorted(covered) == list(range(4 * step, 4 * step + 4))


def test_picture_seeds_fit_32_bits_and_differ_by_prompt_and_index() -> None:
    seeds = {draws.picture_seed(template, seed) for template in ("a {subject}", "the {subject}") for seed in range(50)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**32 for seed in seeds)
