"""DeepFloyd IF, first stage: pixels of 64 x 64 instead of latents, one T5 text encoder. It knows no other family.

The kind of model that DreamBooth's paper tuned, Imagen (Saharia et al., arXiv 2205.11487), has no public weights; this
is the nearest that has. The later stages, which enlarge the picture, are not trained here.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from diffusers import DiffusionPipeline, IFPipeline, SchedulerMixin
from torch import Tensor
from transformers import T5Tokenizer

from dbexp.family.base import Family
from dbexp.family.checkpoint import ModelSource
from dbexp.family.published import DEEPFLOYD, Published
from dbexp.family.states import Conditioning, TextStates

MAX_TOKENS = 77  # T5 reads any length; the UNet was trained on this one


class DeepFloydFamily(Family):
    """Text states are T5's last, padding masked while they are read and kept in them, as the UNet was trained on them.

    The UNet predicts noise and, in as many channels again, the variance of a step (Nichol & Dhariwal, arXiv 2102.09672,
    section 3.1). DreamBooth's loss says nothing of that half, so it is dropped: training does not see it, and pictures
    are drawn with the schedule's own variance, by the base model too, so that all of a run's pictures compare.
    """

    pipeline_class = IFPipeline
    encoder_names = ("text_encoder",)
    tokenizer_names = ("tokenizer",)
    tokenizer_class = T5Tokenizer
    adapted = ("unet",)  # diffusers knows the names of CLIP's layers only
    scheduler_settings: ClassVar = {"variance_type": "fixed_small"}
    calling: ClassVar = {"clean_caption": False}  # else it depends on what is installed
    output_type = "pt"

    @classmethod
    def max_tokens(cls, tokenizer: Any) -> int:
        return MAX_TOKENS

    def encode_text(self, prompts: Sequence[str]) -> TextStates:
        # the pipeline reads prompts so, and the vocabulary tells cases apart
        tokens = self.tokenize([prompt.lower().strip() for prompt in prompts], 0)
        encoder = self.text_encoders[0]
        return TextStates(encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state)

    def condition(self, text: TextStates, sizes: Tensor) -> Conditioning:
        return Conditioning(text.hidden_states)

    def predict(self, noisy_latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """The noise alone; the other half of the channels is the variance."""
        return super().predict(noisy_latents, timesteps, conditioning)[:, : self.latent_channels]

    def _settle_encoders(self) -> None:
        """T5 pools nowhere."""

    def pipeline(self, scheduler: SchedulerMixin | None = None) -> DiffusionPipeline:
        return IFPipeline(**self.components(scheduler), **DeepFloydSource.left_out)


class DeepFloydSource(ModelSource):
    """A first-stage DeepFloyd IF checkpoint, of any size."""

    family_class: ClassVar[type[Family]] = DeepFloydFamily
    published: ClassVar[Published] = DEEPFLOYD
    left_out: ClassVar[dict[str, Any]] = {
        "safety_checker": None,
        "feature_extractor": None,
        "watermarker": None,
        "requires_safety_checker": False,
    }
