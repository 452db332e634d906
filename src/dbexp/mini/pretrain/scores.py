"""How good the trained parts are, in numbers: the oracle against the truth, base models by the oracle, the judge's
zero-shot words, and whether DINO or CLIP-I tells individuals apart. It trains nothing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPModel, ViTModel

from dbexp.generate.sampling import Sampler
from dbexp.mini.oracle import WORDS, Oracle, truth
from dbexp.mini.pretrain import clip, dino, fresh
from dbexp.mini.pretrain.latents import LARGE
from dbexp.mini.pretrain.pictures import SIZES
from dbexp.mini.pretrain.task import batches
from dbexp.mini.pretrain.tokens import token_ids
from dbexp.mini.world import CLASSES, COLOURS, PLACES, draw
from dbexp.mini.world.captions import GARMENT, PLACE_WORDS, article
from dbexp.mini.world.scene import PEOPLE, Scene


@dataclass(frozen=True)
class ScoreOptions:
    """How much is looked at.

    Attributes:
        num: fresh drawings for oracle and judge.
        individuals, views: of each class, for DINO and CLIP-I.
        painted: pictures by each base model that is there.
        steps, guidance: the sampler's.
    """

    num: int = 1000
    individuals: int = 8
    views: int = 5
    painted: int = 240
    steps: int = Sampler().num_steps
    guidance: float = Sampler().guidance_scale


def scores(root: Path, options: ScoreOptions) -> dict[str, dict[str, float]]:
    """All scores of the parts that are there, by part."""
    scenes = fresh.scenes(options.num)
    pictures = [draw(scene, 64) for scene in scenes]
    told: dict[str, dict[str, float]] = {}
    if there(root / "oracle"):
        oracle = Oracle(root / "oracle")
        for side in (SIZES[0], LARGE):
            read = oracle.read([draw(scene, side) for scene in scenes])
            told[f"oracle at {side} pixels"] = oracle_accuracy(read, scenes)
    if there(root / "judge"):
        told["judge"] = judge_accuracy(root / "judge", fresh.to_tensor(pictures), scenes)
    if there(root / "judge") and there(root / "dino"):
        told["individuals"] = individuals_apart(root, fresh.individuals(options.individuals, options.views))
    for name in ("mini_sd15", "mini_sdxl"):
        if there(root / "oracle") and (root / name / "model_index.json").is_file():
            painter = fresh.Painter(root / name, options.steps, options.guidance)
            told[name] = painted_accuracy(painter, Oracle(root / "oracle"), options.painted)
    return {name: {key: round(value, 4) for key, value in values.items()} for name, values in told.items()}


def there(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def oracle_accuracy(read: list[dict[str, str]], scenes: list[Scene]) -> dict[str, float]:
    """Share of right readings of each attribute, among the pictures that show it; nan where none does."""
    truths = [truth(scene) for scene in scenes]
    shares = {}
    for name in WORDS:
        hits = [mine[name] == true[name] for mine, true in zip(read, truths, strict=True) if true[name] is not None]
        shares[name] = sum(hits) / len(hits) if hits else float("nan")
    return shares


def wishes(num: int) -> list[tuple[str, str, str, str]]:
    """(prompt, class, place, colour): every class with places and colours in turn."""
    made = []
    for n in range(num):
        noun, place = CLASSES[n % len(CLASSES)], PLACES[n % len(PLACES)]
        colour = list(COLOURS)[(n + n // len(CLASSES)) % len(COLOURS)]
        garment = f" in {article(colour, GARMENT[noun])}" if noun in PEOPLE else ""
        shown = f"a {noun}{garment}" if garment else article(colour, noun)
        made.append((f"a photo of {shown} {PLACE_WORDS[place][0]}", noun, place, colour))
    return made


def painted_accuracy(painter: fresh.Painter, oracle: Oracle, num: int) -> dict[str, float]:
    """Shares of pictures in which the oracle reads the class, place and colour that the prompt asked for."""
    asked = wishes(num)
    read = oracle.read(painter.paint([prompt for prompt, *_ in asked], list(range(num))))
    names = {"class": 1, "place": 2, "main": 3}
    return {
        name: sum(mine[name] == wish[at] for mine, wish in zip(read, asked, strict=True)) / num
        for name, at in names.items()
    }


@torch.no_grad()
def judge_accuracy(folder: Path, pixel_values: Tensor, scenes: list[Scene]) -> dict[str, float]:
    """Zero-shot class and place: the nearest mean text embedding over prompts that name it (CLIP, §3.1.4); class also
    by the mean picture embedding over 18 views.
    """
    judge: Any = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
    prompts = [f"a photo of a {noun} {PLACE_WORDS[place][0]}" for noun in CLASSES for place in PLACES]
    table = unit(judge.get_text_features(torch.from_numpy(token_ids(prompts)).long()).pooler_output)
    table = table.view(len(CLASSES), len(PLACES), -1)
    seen = clip_embeddings(judge, pixel_values)
    steadier = torch.stack([clip_embeddings(judge, view) for view in nudged(pixel_values)]).mean(0)
    nouns = [scene.identity.class_noun for scene in scenes]
    return {
        "class": hits(seen @ unit(table.mean(1)).t(), CLASSES, nouns),
        "place": hits(seen @ unit(table.mean(0)).t(), PLACES, [scene.setting.place for scene in scenes]),
        "class of 18 views": hits(steadier @ unit(table.mean(1)).t(), CLASSES, nouns),
    }


def hits(likeness: Tensor, words: tuple[str, ...], truths: list[str]) -> float:
    """Share of rows whose likest word is the truth; likeness has shape (B, words)."""
    nearest = likeness.argmax(1).tolist()
    return float(np.mean([words[k] == true for k, true in zip(nearest, truths, strict=True)]))


def nudged(pixel_values: Tensor) -> list[Tensor]:
    """The pictures and their mirror images, each as it is and a pixel aside in eight directions, edges repeated: 18
    tensors shaped as given.
    """
    side = pixel_values.shape[-1]
    padded = [torch.nn.functional.pad(each, (1, 1, 1, 1), "replicate") for each in (pixel_values, pixel_values.flip(3))]
    return [each[..., v : v + side, u : u + side] for each in padded for v in range(3) for u in range(3)]


def unit(vectors: Tensor) -> Tensor:
    return torch.nn.functional.normalize(vectors, dim=-1)


def clip_embeddings(judge: Any, pixel_values: Tensor) -> Tensor:
    """Unit picture embeddings of 64-pixel pictures, shape (B, P)."""
    parts = batches(clip.normalised(pixel_values), 64)
    return unit(torch.cat([judge.get_image_features(pixel_values=part).pooler_output for part in parts]))


@torch.no_grad()
def individuals_apart(root: Path, individuals: list[fresh.Individual]) -> dict[str, float]:
    """ROC-AUC of cosine similarity for "the same individual", over pairs of one class in different places."""
    judge: Any = CLIPModel.from_pretrained(root / "judge", dtype=torch.float32).eval()
    vit: Any = ViTModel.from_pretrained(root / "dino", dtype=torch.float32, add_pooling_layer=False).eval()
    pixel_values = fresh.to_tensor([picture for who in individuals for picture in who.pictures])
    seen = {
        "clip_i": clip_embeddings(judge, pixel_values),
        "dino": unit(
            torch.cat([vit(part).last_hidden_state[:, 0] for part in batches(dino.normalised(pixel_values), 64)])
        ),
    }
    rows = [(number, who.class_noun, place) for number, who in enumerate(individuals) for place in who.places]
    pairs = [
        (i, j)
        for i, (_, noun, place) in enumerate(rows)
        for j, (_, other, elsewhere) in enumerate(rows[:i])
        if noun == other and place != elsewhere
    ]
    same = np.array([rows[i][0] == rows[j][0] for i, j in pairs])
    firsts, seconds = [i for i, _ in pairs], [j for _, j in pairs]
    return {
        name: roc_auc((vectors[firsts] * vectors[seconds]).sum(1).double().numpy(), same)
        for name, vectors in seen.items()
    }


def roc_auc(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Chance that a positive has a higher value than a negative; ties count half (Mann-Whitney)."""
    ordered = np.sort(values[~positive])
    below, up_to = (np.searchsorted(ordered, values[positive], side) for side in ("left", "right"))
    return float((below + up_to).sum() / 2 / (len(ordered) * positive.sum()))
