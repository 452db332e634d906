"""The published configs bundled here are those that were published: their parameters are counted."""

import pytest

from dbexp.family.facts import facts_of
from dbexp.family.published import DEEPFLOYD, SD15, SDXL, Published

COUNTS = {
    "sd15": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sdxl": {"unet": 2_567_463_684, "vae": 83_653_863, "text_encoder": 123_060_480, "text_encoder_2": 694_659_840},
    "deepfloyd": {"unet": 4_304_695_110, "text_encoder": 4_762_310_656},
}


@pytest.mark.parametrize(
    ("kind", "sizes", "gib"), [(SD15, (512, 8, 4), 0.87), (SDXL, (1024, 8, 4), 6.4), (DEEPFLOYD, (64, 1, 3), 0.92)]
)
def test_parameters_resolution_and_activations(kind: Published, sizes: tuple[int, int, int], gib: float) -> None:
    facts = facts_of(kind.configs, kind)
    assert facts.parameter_counts == COUNTS[kind.choice]
    assert (facts.default_resolution, facts.vae_factor, facts.latent_channels) == sizes
    assert facts.side_step == 8
    assert facts.activation_gib_per_sample == pytest.approx(gib)
    assert facts.prediction_type == "epsilon"


def test_activations_grow_with_the_latent_area() -> None:
    # Stable Diffusion 2.1 is trained at 768: 96 x 96 latents
    configs = {**SD15.configs, "unet": {**SD15.configs["unet"], "sample_size": 96}}
    assert facts_of(configs, SD15).activation_gib_per_sample == pytest.approx(0.87 * 1.5**2)
