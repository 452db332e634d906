"""CLIP, contrastive (Radford et al., arXiv 2103.00020), three times: `clip` gives both families their text encoder,
`clip_2` the large family its second one, `judge` is trained apart, with another seed and towers, and scores pictures.

Pictures of one batch that happen to have the same caption all count as right.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
)

from dbexp.mini.pretrain.pictures import NUM_CAPTIONS, SIZES, Pictures
from dbexp.mini.pretrain.saving import write_half, write_preprocessor
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions
from dbexp.mini.pretrain.tokens import MAX_TOKENS, padded_with_zero, word_ids, world_tokenizer
from dbexp.mini.words import END, START

# CLIP's own pixel statistics
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class ClipOptions(TrainOptions):
    """What is special about CLIP.

    Attributes:
        width, layers: of the text tower.
        vision_width, vision_layers, patch: of the picture tower, which only the judge keeps.
        projection: length of the embeddings.
        keeps: "text" (CLIPTextModel), "projected" (CLIPTextModelWithProjection) or "both" (CLIPModel).
    """

    batch_size: int = 256
    lr: float = 7e-4
    weight_decay: float = 0.05
    width: int = 128
    layers: int = 3
    vision_width: int = 128
    vision_layers: int = 4
    patch: int = 8
    projection: int = 128
    keeps: str = "text"


@dataclass(frozen=True)
class SecondClipOptions(ClipOptions):
    """The wider text tower of the large family; 1.1 million weights are kept."""

    seed: int = 1
    width: int = 160
    projection: int = 160
    keeps: str = "projected"


@dataclass(frozen=True)
class JudgeOptions(ClipOptions):
    """The judge: a narrower text tower, its own pictures' tower, another seed; 1.3 million weights."""

    seed: int = 2
    width: int = 96
    projection: int = 96
    keeps: str = "both"


def build_clip(options: ClipOptions) -> CLIPModel:
    """Both towers, with the true special ids; attention heads are 32 wide."""
    ids = word_ids()
    text = CLIPTextConfig(
        vocab_size=len(world_tokenizer()),
        hidden_size=options.width,
        intermediate_size=4 * options.width,
        projection_dim=options.projection,
        num_hidden_layers=options.layers,
        num_attention_heads=max(1, options.width // 32),
        max_position_embeddings=MAX_TOKENS,
        hidden_act="gelu" if options.keeps == "projected" else "quick_gelu",
        bos_token_id=ids[START],
        eos_token_id=ids[END],
        pad_token_id=0 if options.keeps == "projected" else ids[END],
    )
    vision = CLIPVisionConfig(
        hidden_size=options.vision_width,
        intermediate_size=4 * options.vision_width,
        projection_dim=options.projection,
        num_hidden_layers=options.vision_layers,
        num_attention_heads=4,
        image_size=SIZES[0],
        patch_size=options.patch,
    )
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=options.projection))


def normalised(pixel_values: Tensor) -> Tensor:
    """From [-1, 1] to CLIP's statistics."""
    mean, std = (torch.tensor(values, device=pixel_values.device).view(3, 1, 1) for values in (MEAN, STD))
    return (pixel_values / 2 + 0.5 - mean) / std


def contrast(logits: Tensor, same: Tensor) -> Tensor:
    """Symmetric cross-entropy with the mass spread evenly over all pairs that belong together.

    Args:
        logits: pictures by captions, shape (B, B).
        same: True where caption and caption are the same words, shape (B, B); true on the diagonal.
    """
    target = same.float() / same.sum(1, keepdim=True)
    across = -(target * logits.log_softmax(1)).sum(1).mean()
    down = -(target * logits.t().log_softmax(1)).sum(1).mean()
    return (across + down) / 2


class ClipTask(Task):
    """Learns from the drawings at 64 pixels, each with one of its captions."""

    network: Any

    def __init__(self, pictures: Pictures, options: ClipOptions) -> None:
        torch.manual_seed(options.seed)
        self.pictures, self.options, self.network = pictures, options, build_clip(options)

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        numbers = draws.integers(self.pictures.num, self.options.batch_size)
        input_ids = self.pictures.input_ids(numbers, draws.integers(NUM_CAPTIONS, len(numbers)))
        same = (input_ids[:, None] == input_ids[None]).all(-1)
        if self.options.keeps == "projected":
            input_ids = padded_with_zero(input_ids)
        seen = normalised(self.pictures.pixel_values(numbers, SIZES[0]))
        told = self.network(input_ids=input_ids, pixel_values=seen)
        scale = self.network.logit_scale.exp().clamp(max=100)
        logits = scale * told.image_embeds.float() @ told.text_embeds.float().t()
        right = same.gather(1, logits.argmax(1, keepdim=True)).float().mean()
        return {"loss": contrast(logits, same), "right": right}

    def write(self, network: nn.Module, folder: Path) -> None:
        kept = kept_part(network, self.options.keeps)
        write_half(kept, folder)
        world_tokenizer("!" if self.options.keeps == "projected" else END).save_pretrained(folder)
        if self.options.keeps == "both":
            write_preprocessor(folder, MEAN, STD, SIZES[0])


def kept_part(network: Any, keeps: str) -> nn.Module:
    """What of a CLIPModel is written: all, or its text tower as the class that the families name."""
    if keeps == "both":
        whole: nn.Module = network
        return whole
    kind = CLIPTextModelWithProjection if keeps == "projected" else CLIPTextModel
    tower: nn.Module = kind(network.config.text_config)
    own = {name.removeprefix("text_model."): name for name in tower.state_dict()}
    given = {own[name]: weight for name, weight in network.text_model.state_dict().items() if name in own}
    if keeps == "projected":
        given["text_projection.weight"] = network.text_projection.weight
    tower.load_state_dict(given)
    return tower
