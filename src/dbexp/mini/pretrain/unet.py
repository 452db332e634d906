"""The UNets of both families, trained as the originals were: ε-prediction on the VAE's latents, text from frozen CLIP
towers, captions dropped for guidance; the large one with pooled text, size and crop ids.

It knows latents and tokens, no picture.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from dbexp.mini.pretrain.grow import grow, text_map
from dbexp.mini.pretrain.latents import Latents
from dbexp.mini.pretrain.pictures import NUM_CAPTIONS, Pictures
from dbexp.mini.pretrain.saving import write_half
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions
from dbexp.mini.pretrain.tokens import padded_with_zero, token_ids
from dbexp.mini.tiny import noise_settings

TIME_ID_WIDTH = 32  # each of the six ids becomes this many numbers


@dataclass(frozen=True)
class UnetOptions(TrainOptions):
    """What is special about the UNets.

    Attributes:
        channels: of each level; cross-attention from the second on.
        layers: residual blocks a level.
        transformers: transformer layers of each level's attention.
        dropped: share of captions replaced by none (Ho & Salimans, arXiv 2207.12598).
        gamma: min-SNR weighting (Hang et al., arXiv 2303.09556): ε's squared error times min(SNR, γ) / SNR.
        large: pooled text, size and crop ids, 96 pixels.
        grown: begin as the trained unet_sd, grown (see `dbexp.mini.pretrain.grow`); else with random weights.
    """

    batch_size: int = 256
    lr: float = 6e-4
    ema: float = 0.9995
    warmup: int = 500
    channels: tuple[int, ...] = (64, 80, 112)
    layers: int = 1
    transformers: tuple[int, ...] = (1, 1, 1)
    dropped: float = 0.1
    gamma: float = 5.0
    large: bool = False
    grown: bool = False


@dataclass(frozen=True)
class LargeUnetOptions(UnetOptions):
    """The large family's."""

    transformers: tuple[int, ...] = (1, 1, 2)
    large: bool = True
    grown: bool = True


@dataclass(frozen=True)
class Said:
    """What the text encoders say of a batch: states, shape (B, 24, D), and the pooled vector of the large family."""

    states: Tensor
    pooled: Tensor | None


class Texts:
    """The frozen text encoders of a family, on token ids padded with the end token."""

    def __init__(self, root: Path, large: bool, device: torch.device) -> None:
        first: Any = CLIPTextModel.from_pretrained(root / "clip", dtype=torch.float32)
        self.first, self.second = first.to(device).eval().requires_grad_(False), None
        if large:
            second: Any = CLIPTextModelWithProjection.from_pretrained(root / "clip_2", dtype=torch.float32)
            self.second = second.to(device).eval().requires_grad_(False)
        self.empty = torch.from_numpy(token_ids([""])).long().to(device)

    @property
    def width(self) -> int:
        """Length of a state."""
        towers = [self.first] + ([self.second] if self.second is not None else [])
        return sum(int(tower.config.hidden_size) for tower in towers)

    @torch.no_grad()
    def say(self, input_ids: Tensor, dropped: Tensor) -> Said:
        """The states of each prompt; of the dropped ones what the family's pipeline takes for no prompt.

        The small family takes the empty prompt's states; the large one zeros, as its pipelines do where
        force_zeros_for_empty_prompt is set.

        Args:
            input_ids: int64, shape (B, 24).
            dropped: bool, shape (B,).
        """
        if self.second is None:
            prompts = torch.where(dropped[:, None], self.empty, input_ids)
            return Said(self.first(prompts).last_hidden_state, None)
        one = self.first(input_ids, output_hidden_states=True)
        two = self.second(padded_with_zero(input_ids), output_hidden_states=True)
        kept = (~dropped).to(one.last_hidden_state.dtype)
        states = torch.cat([one.hidden_states[-2], two.hidden_states[-2]], -1)
        return Said(states * kept[:, None, None], two.text_embeds * kept[:, None])


def build_unet(options: UnetOptions, texts: Texts, side: int, latent_channels: int) -> UNet2DConditionModel:
    """4.4 million weights (small), 5.9 million (large) at the default channels."""
    levels = len(options.channels)
    added: dict[str, object] = {}
    if texts.second is not None:
        pooled = int(texts.second.config.projection_dim)
        added = {
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": TIME_ID_WIDTH,
            "projection_class_embeddings_input_dim": pooled + 6 * TIME_ID_WIDTH,
        }
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=latent_channels,
        out_channels=latent_channels,
        block_out_channels=options.channels,
        layers_per_block=options.layers,
        transformer_layers_per_block=options.transformers,
        norm_num_groups=16,
        attention_head_dim=4,  # diffusers' name for the number of heads
        cross_attention_dim=texts.width,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (levels - 1),
        up_block_types=("CrossAttnUpBlock2D",) * (levels - 1) + ("UpBlock2D",),
        **added,
    )


class UnetTask(Task):
    """Learns to tell the noise in the latents of the drawings."""

    network: Any

    def __init__(self, root: Path, pictures: Pictures, options: UnetOptions) -> None:
        self.pictures, self.options = pictures, options
        name = f"latents_{'large' if options.large else 'small'}"
        self.latents = Latents(root / name, root / "vae", pictures, options.large)
        self.texts = Texts(root, options.large, pictures.device)
        self.schedule = DDPMScheduler(**noise_settings("epsilon"))
        alpha_bar = self.schedule.alphas_cumprod.to(pictures.device)
        snr = alpha_bar / (1 - alpha_bar)
        self.weights = snr.clamp(max=options.gamma) / snr
        torch.manual_seed(options.seed)
        self.latent_channels = int(self.latents.draw(torch.zeros(1).long(), torch.zeros(())).shape[1])
        self.network = build_unet(options, self.texts, self.latents.side, self.latent_channels)
        if options.grown and not options.start:
            self.grow(root / "unet_sd")

    def grow(self, folder: Path) -> None:
        """Begin as the trained small UNet.

        Raises:
            ValueError: it is not trained yet.
        """
        if not (folder / "config.json").is_file():
            raise ValueError(f"{folder} is not there: train unet_sd first, or say grown=false")
        small: Any = UNet2DConditionModel.from_pretrained(folder, dtype=torch.float32)
        numbers = torch.arange(min(1024, self.pictures.num), device=self.pictures.device)
        input_ids = self.pictures.input_ids(numbers, numbers % NUM_CAPTIONS)
        both = self.texts.say(input_ids, torch.zeros_like(numbers, dtype=torch.bool)).states
        one = self.texts.first(input_ids).last_hidden_state
        grow(self.network, small, text_map(one.flatten(0, 1).cpu(), both.flatten(0, 1).cpu()))

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        num, side = self.options.batch_size, self.latents.side
        numbers = draws.integers(self.latents.num, num)
        shape = (num, self.latent_channels, side, side)
        latents = self.latents.draw(numbers, draws.normal(*shape))
        input_ids = self.pictures.input_ids(numbers, draws.integers(NUM_CAPTIONS, num))
        said = self.texts.say(input_ids, draws.uniform(num) < self.options.dropped)
        timesteps, noise = draws.integers(1000, num), draws.normal(*shape)
        model_pred = self.network(
            self.schedule.add_noise(latents, noise, timesteps),
            timesteps,
            encoder_hidden_states=said.states,
            added_cond_kwargs=self.added(said, numbers),
        ).sample
        error = (model_pred.float() - noise).square().mean((1, 2, 3))
        return {"loss": (error * self.weights[timesteps]).mean(), "simple": error.mean()}

    def added(self, said: Said, numbers: Tensor) -> dict[str, Tensor] | None:
        if said.pooled is None:
            return None
        return {"text_embeds": said.pooled, "time_ids": self.latents.sizes(numbers)}

    def write(self, network: nn.Module, folder: Path) -> None:
        write_half(network, folder)
