"""CLIP, contrastive (Radford et al., arXiv 2103.00020), three times: `clip` gives both families their text encoder,
`clip_2` the large family its second one, `judge` is trained apart, with another seed and towers, and scores pictures.

One thing is not the paper's: a third tower, which nobody ships, embeds the truth of a scene. Captions are contrasted
with it; only the judge keeps a picture tower, and only there pixels are contrasted with captions and with truths. The
truth is a picture without the work of seeing: a step of 128 costs a fifth (150 against 750 ms on one core), and shows
more. What has the same words, or the same truth, as another of its batch counts as right too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
)

from dbexp.mini.oracle import WORDS
from dbexp.mini.pretrain.patches import place_waves, whiten
from dbexp.mini.pretrain.pictures import NUM_CAPTIONS, SIZES, Pictures, some
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


class Truths(nn.Module):
    """The tower of truths: labels of the oracle's attributes in, an embedding out.

    Args:
        projection: length of the embedding.
    """

    WIDTH = 256

    def __init__(self, projection: int) -> None:
        super().__init__()
        sizes = torch.tensor([len(words) + 1 for words in WORDS.values()])  # each has a row for what does not show
        self.register_buffer("first", sizes.cumsum(0) - sizes + 1, persistent=False)
        self.words = nn.EmbeddingBag(int(sizes.sum()), self.WIDTH, mode="sum")
        self.layers = nn.Sequential(
            nn.Linear(self.WIDTH, 2 * self.WIDTH),
            nn.GELU(),
            nn.LayerNorm(2 * self.WIDTH),
            nn.Linear(2 * self.WIDTH, projection),
        )

    def forward(self, labels: Tensor) -> Tensor:
        """Args: labels as the oracle's, -1 where nothing shows, int64, shape (B, 15). Unit embeddings, shape (B, P)."""
        first: Any = self.first
        return normalize(self.layers(self.words(labels + first)).float(), dim=-1)


class Towers(nn.Module):
    """What learns together: a CLIPModel, without its picture tower where that is not kept, and the truths."""

    def __init__(self, options: ClipOptions) -> None:
        super().__init__()
        clip: Any = build_clip(options)
        if options.keeps != "both":
            clip.vision_model = clip.visual_projection = nn.Identity()
        self.clip, self.truths = clip, Truths(options.projection)


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


def alike(rows: Tensor) -> Tensor:
    """True where row and row are the same, shape (B, B)."""
    return (rows[:, None] == rows[None]).all(-1)


class ClipTask(Task):
    """Learns from captions and truths of the drawings, the judge from their pixels too."""

    network: Any

    def __init__(self, pictures: Pictures, options: ClipOptions) -> None:
        torch.manual_seed(options.seed)
        self.pictures, self.options, self.network = pictures, options, Towers(options)
        if options.keeps == "both":
            embeddings = self.network.clip.vision_model.embeddings
            whiten(embeddings.patch_embedding, normalised(some(pictures)))
            place_waves(embeddings.position_embedding.weight.data)

    def losses(self, draws: Draws, mean: nn.Module) -> dict[str, Tensor]:
        numbers = draws.integers(self.pictures.num, self.options.batch_size)
        input_ids = self.pictures.input_ids(numbers, draws.integers(NUM_CAPTIONS, len(numbers)))
        labels = self.pictures.rows("labels", numbers).long()
        same_words, same_truths = alike(input_ids), alike(labels)
        if self.options.keeps == "projected":
            input_ids = padded_with_zero(input_ids)
        clip = self.network.clip
        told = normalize(clip.get_text_features(input_ids=input_ids).pooler_output.float(), dim=-1)
        meant = self.network.truths(labels)
        scale = clip.logit_scale.exp().clamp(max=100)
        pairs = [(meant, told, same_words)]
        if self.options.keeps == "both":
            pixel_values = normalised(self.pictures.pixel_values(numbers, SIZES[0]))
            seen = normalize(clip.get_image_features(pixel_values=pixel_values).pooler_output.float(), dim=-1)
            pairs = [(seen, told, same_words), (seen, meant, same_truths), *pairs]
        logits = [scale * one @ other.t() for one, other, _ in pairs]
        losses = [contrast(each, same) for each, (*_, same) in zip(logits, pairs, strict=True)]
        right = pairs[0][2].gather(1, logits[0].argmax(1, keepdim=True)).float().mean()
        return {"loss": torch.stack(losses).mean(), "right": right}

    def compiled(self) -> list[nn.Module]:
        clip = self.network.clip
        return [clip.text_model, *([clip.vision_model] if self.options.keeps == "both" else [])]

    def write(self, network: nn.Module, folder: Path) -> None:
        towers: Any = network
        kept = kept_part(towers.clip, self.options.keeps)
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
