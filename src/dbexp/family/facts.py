"""What a checkpoint says of itself before its weights are loaded. It knows configs, not files or networks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from dbexp.family.published import Published
from dbexp.family.weights import build_on_meta


@dataclass(frozen=True)
class ModelFacts:
    """What the preflight and the plan need to know of a checkpoint.

    Attributes:
        configs: each component's config, and the scheduler's, by component name.
        default_resolution: side in pixels of the pictures it was trained on.
        vae_factor: pixels per latent along one side; 1 where there is no VAE.
        latent_channels: channels of a latent.
        prediction_type: "epsilon", "v_prediction" or "sample".
        num_train_timesteps: length of its noise schedule.
        parameter_counts: parameters of each component with weights.
        activation_gib_per_sample: estimate of the activations of one training sample at the default resolution, GiB.
        published: whether these are the published configs bundled here, because the checkpoint itself is out of reach.
        missing: one sentence on what a real run lacks here, or None.
        networks: each component with weights as a network without memory, by component name.
        side_step: what a resolution must be a multiple of, in pixels.
    """

    configs: dict[str, dict[str, Any]]
    default_resolution: int
    vae_factor: int
    latent_channels: int
    prediction_type: str
    num_train_timesteps: int
    parameter_counts: dict[str, int]
    activation_gib_per_sample: float
    published: bool = False
    missing: str | None = None
    networks: Mapping[str, nn.Module] = field(default_factory=dict, repr=False, compare=False)
    side_step: int = 1


def facts_of(
    configs: dict[str, dict[str, Any]], kind: Published, *, published: bool = False, missing: str | None = None
) -> ModelFacts:
    """Read the facts off the configs; the networks are built without memory (on the meta device) to be counted."""
    networks = {name: build_on_meta(kind.classes[name], configs[name]) for name in kind.classes}
    unet, vae = networks["unet"].config, networks["vae"].config if "vae" in networks else None
    resolution = default_resolution(unet, vae)
    area = (resolution / vae_factor(vae)) ** 2
    scheduler = configs["scheduler"]
    return ModelFacts(
        configs=configs,
        default_resolution=resolution,
        vae_factor=vae_factor(vae),
        latent_channels=int(unet["in_channels"]),
        prediction_type=str(scheduler.get("prediction_type", "epsilon")),
        num_train_timesteps=int(scheduler.get("num_train_timesteps", 1000)),
        parameter_counts={name: count_parameters(network) for name, network in networks.items()},
        activation_gib_per_sample=kind.activation_gib * area / kind.configs["unet"]["sample_size"] ** 2,
        published=published,
        missing=missing,
        networks=networks,
        side_step=side_step(unet, vae),
    )


def count_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def vae_factor(vae_config: Any) -> int:
    """Pixels per latent along one side: each VAE block but the last halves the picture; 1 without a VAE (None)."""
    return 1 if vae_config is None else int(2 ** (len(vae_config["block_out_channels"]) - 1))


def side_step(unet_config: Any, vae_config: Any) -> int:
    """What a side must be a multiple of, in pixels: the VAE's factor, or, on pixels, what the UNet halves it by, whose
    residual up- and downsamplers keep no odd row.
    """
    return vae_factor(vae_config if vae_config is not None else unet_config)


def default_resolution(unet_config: Any, vae_config: Any) -> int:
    """Side in pixels of the pictures the UNet was trained on."""
    size = unet_config["sample_size"]
    return int(size if isinstance(size, int) else min(size)) * vae_factor(vae_config)
