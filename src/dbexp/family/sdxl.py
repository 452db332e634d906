"""Stable Diffusion XL: two text encoders, pooled text, size and crop ids. It knows no other family."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from diffusers import DiffusionPipeline, SchedulerMixin, StableDiffusionXLPipeline
from torch import Tensor, nn

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.published import SDXL, Published
from dbexp.family.states import Conditioning, TextStates


class SDXLFamily(Family):
    """Text states are both encoders' last but one layer without final norm, side by side (Podell et al., arXiv
    2307.01952, 2.1).
    """

    pipeline_class = StableDiffusionXLPipeline
    encoder_names = ("text_encoder", "text_encoder_2")
    tokenizer_names = ("tokenizer", "tokenizer_2")
    adapted = ("unet", "text_encoder", "text_encoder_2")
    kohya_prefixes: ClassVar = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}
    embedding_keys = ("clip_l", "clip_g")

    def __init__(self, pipeline: DiffusionPipeline) -> None:
        super().__init__(pipeline)
        self.force_zeros_for_empty_prompt = bool(pipeline.config.force_zeros_for_empty_prompt)

    def encode_text(self, prompts: Sequence[str]) -> TextStates:
        outputs = [
            encoder(self.token_ids(prompts, number), output_hidden_states=True)
            for number, encoder in enumerate(self.text_encoders)
        ]
        hidden_states = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        return TextStates(hidden_states, pooled=outputs[1].text_embeds)

    def condition(self, text: TextStates, sizes: Tensor) -> Conditioning:
        if text.pooled is None:
            raise ValueError("this family needs pooled text states; these come from another family")
        time_ids = sizes.to(text.hidden_states.device, torch.float32)
        return Conditioning(text.hidden_states, {"text_embeds": text.pooled, "time_ids": time_ids})

    @classmethod
    def unread(cls, name: str, encoder: nn.Module) -> list[str]:
        # the first encoder's last layer and final norm lie behind the states that are used
        if name != cls.encoder_names[0]:
            return []
        held: Any = encoder
        return [f"encoder.layers.{len(held.encoder.layers) - 1}", "final_layer_norm"]

    @property
    def single_file_prefixes(self) -> dict[str, str]:
        return {
            "text_encoder": "conditioner.embedders.0.transformer.",
            "text_encoder_2": "conditioner.embedders.1.model.",
        }

    def pipeline(self, scheduler: SchedulerMixin | None = None) -> DiffusionPipeline:
        return StableDiffusionXLPipeline(
            **self.components(scheduler),
            force_zeros_for_empty_prompt=self.force_zeros_for_empty_prompt,
            add_watermarker=False,
        )


class SDXLSource(ModelSource):
    """A Stable Diffusion XL base checkpoint."""

    family_class: ClassVar[type[Family]] = SDXLFamily
    published: ClassVar[Published] = SDXL
    left_out: ClassVar[dict[str, Any]] = {"feature_extractor": None, "image_encoder": None}
