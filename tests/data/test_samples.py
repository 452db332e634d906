import pytest
import torch

from dbexp.data.samples import Draws, Picture, SampleSet


class Blank(SampleSet):
    """A set without files: sample n is a picture of the value n."""

    set_name = "instance"
    is_prior = False

    def picture(self, number: int) -> Picture:
        return Picture(torch.full((3, 8, 8), float(number)), torch.full((6,), float(number)), f"p{number}", f"{number}")

    def views(self) -> None:
        return None

    def prompts_used(self) -> list[str]:
        return []


class BlankPrior(Blank):
    set_name = "prior"
    is_prior = True


def blank(noise_offset: float = 0.0, seed: int = 0) -> Blank:
    return Blank(Draws(seed, (4, 3, 5), 1000, noise_offset), batch_size=2)


def test_a_batch_is_its_samples_one_by_one() -> None:
    together = blank().batch(range(10, 13))
    for row, number in enumerate(range(10, 13)):
        alone = blank().batch(range(number, number + 1))
        for name, value in vars(alone).items():
            entry = vars(together)[name]
            if value is None:
                assert entry is None
                continue
            assert entry[row] == value[0] if isinstance(value, tuple) else torch.equal(entry[row], value[0])


def test_shapes_and_dtypes() -> None:
    batch = blank().batch(range(3))
    assert batch.noise.shape == batch.posterior_noise.shape == (3, 4, 3, 5)
    assert batch.timesteps.dtype == batch.numbers.dtype == torch.int64
    assert batch.is_prior.dtype == torch.bool
    assert batch.timesteps.shape == batch.is_prior.shape == (3,)


def test_no_two_draws_of_a_batch_are_the_same() -> None:
    instance = blank().batch(range(4))
    prior = BlankPrior(Draws(0, (4, 3, 5), 1000), batch_size=2).batch(range(4))
    drawn = torch.cat([batch_noise for b in (instance, prior) for batch_noise in (b.noise, b.posterior_noise)])
    assert len({row.numpy().tobytes() for row in drawn}) == 16


def test_another_seed_draws_otherwise() -> None:
    assert not torch.equal(blank().batch(range(1)).noise, blank(seed=1).batch(range(1)).noise)


@pytest.mark.parametrize("offset", [0.05, 0.5])
def test_noise_offset_adds_one_number_per_channel_and_leaves_the_other_draws(offset: float) -> None:
    plain, shifted = blank().batch(range(4)), blank(offset).batch(range(4))
    shift = (shifted.noise - plain.noise) / offset
    assert torch.allclose(shift, shift[:, :, :1, :1].expand_as(shift), atol=1e-4)
    assert 0.5 < float(shift[:, :, 0, 0].std()) < 1.6
    assert torch.equal(plain.timesteps, shifted.timesteps)
    assert torch.equal(plain.posterior_noise, shifted.posterior_noise)
