"""Stable Diffusion 1.x and 2.x: one CLIP text encoder, no pooled text, no size ids. It knows no other family."""

from collections.abc import Sequence
from typing import Any, ClassVar

from diffusers import DiffusionPipeline, SchedulerMixin, StableDiffusionPipeline
from torch import Tensor

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.published import SD15, Published
from dbexp.family.states import Conditioning, TextStates


class SDFamily(Family):
    """Text states are the encoder's output after its final LayerNorm (Rombach et al., arXiv 2112.10752)."""

    pipeline_class = StableDiffusionPipeline
    encoder_names = ("text_encoder",)
    tokenizer_names = ("tokenizer",)
    adapted = ("unet", "text_encoder")
    kohya_prefixes: ClassVar = {"unet": "lora_unet", "text_encoder": "lora_te"}
    embedding_keys = (None,)

    def encode_text(self, prompts: Sequence[str]) -> TextStates:
        return TextStates(self.text_encoders[0](self.token_ids(prompts, 0)).last_hidden_state)

    def condition(self, text: TextStates, sizes: Tensor) -> Conditioning:
        return Conditioning(text.hidden_states)

    @property
    def single_file_prefixes(self) -> dict[str, str]:
        encoder: Any = self.text_encoders[0]
        is_open_clip = encoder.config.hidden_size == 1024  # which 2.x took instead of CLIP
        return {"text_encoder": "cond_stage_model.model." if is_open_clip else "cond_stage_model.transformer."}

    def pipeline(self, scheduler: SchedulerMixin | None = None) -> DiffusionPipeline:
        return StableDiffusionPipeline(
            **self.components(scheduler), safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )


class SDSource(ModelSource):
    """A Stable Diffusion 1.x or 2.x checkpoint, ε- or v-prediction."""

    family_class: ClassVar[type[Family]] = SDFamily
    published: ClassVar[Published] = SD15
    left_out: ClassVar[dict[str, Any]] = {
        "safety_checker": None,
        "feature_extractor": None,
        "image_encoder": None,
        "requires_safety_checker": False,
    }
