"""What a run scores: its pictures, photos and words in, numbers with intervals out, by whatever judges there are.

It knows no run: which pictures mean what, its caller says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from dbexp.evaluation.encoders import ClipEncoder, DinoEncoder
from dbexp.evaluation.intervals import Scores, mean_interval
from dbexp.evaluation.metrics import (
    ROUNDING,
    ClassFidelity,
    CopyCheck,
    PromptSimilarity,
    SubjectSimilarity,
    photo_threshold,
    real_similarity,
    spread_by_prompt,
)


@dataclass(frozen=True)
class Shown:
    """Pictures of one kind.

    Attributes:
        pictures: RGB, N of them.
        prompts: each one's prompt with the identifier left out, which no judge can know.
        seeds: each one's sampling seed; prompt and seed name a picture.
    """

    pictures: Sequence[Image]
    prompts: Sequence[str]
    seeds: Sequence[int]

    def interval(self, values: Sequence[float]) -> dict[str, Any]:
        """Their mean with its interval; one training run, so it covers sampling noise only."""
        number = {prompt: index for index, prompt in enumerate(dict.fromkeys(self.prompts))}
        prompts = np.array([number[prompt] for prompt in self.prompts])
        scores = Scores(np.array(values, np.float64), np.zeros(len(values), np.int64), prompts, np.array(self.seeds))
        return mean_interval(scores).as_dict()


@dataclass
class Scored:
    """Scores of some pictures.

    Attributes:
        each: name -> one value a picture.
        metrics: name -> {"value", "low", "high", "n", "covers"}, as summary.json has it.
    """

    each: dict[str, list[float]] = field(default_factory=dict)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, shown: Shown, **columns: Tensor) -> None:
        """Add one score or several."""
        for name, values in columns.items():
            self.each[name] = values.tolist()
            self.metrics[name] = shown.interval(self.each[name])

    @property
    def values(self) -> dict[str, float]:
        """The means."""
        return {name: metric["value"] for name, metric in self.metrics.items()}


class Scorer:
    """The judges, and what they compare pictures to.

    Args:
        dino, clip: the judges; without one its scores are left out.
        photos: of the subject, as trained on, RGB, P >= 1.
        class_prompt: the bare one, such as "a photo of a dog".
        other_prompts: the same of other nouns.
        is_manner: whether the subject is a look or a place, which has no outline: then `dino_patches` is scored too.
        device: where the judges compute.
    """

    def __init__(
        self,
        dino: DinoEncoder | None,
        clip: ClipEncoder | None,
        photos: Sequence[Image],
        class_prompt: str,
        other_prompts: Sequence[str],
        is_manner: bool,
        device: torch.device,
    ) -> None:
        self.dino, self.clip, self.photos = dino, clip, photos
        self.class_prompts, self.is_manner = [class_prompt, *other_prompts], is_manner
        for judge in (dino, clip):
            if judge is not None:
                judge.to(device)
        # what each view makes of the photos, by the score's name
        self.views = {name: view(photos) for name, view in self._views().items()}

    def subject(self, shown: Shown) -> Scored:
        """Pictures with the identifier: `dino`, `clip_i`, `clip_t`, `div_dino`, `nearest`, `copy_rate`."""
        scored, seen = Scored(), {name: view(shown.pictures) for name, view in self._views().items()}
        for name, embeddings in seen.items():
            scored.add(shown, **{name: self._likeness(name, embeddings)})
        if "clip_i" in seen and self.clip is not None:
            prompts = list(dict.fromkeys(shown.prompts))
            texts = dict(zip(prompts, self.clip.embed_texts(prompts), strict=True))
            metric = PromptSimilarity().alone()
            metric.update(seen["clip_i"], torch.stack([texts[prompt] for prompt in shown.prompts]))
            scored.add(shown, clip_t=metric.per_picture())
        if "dino" in seen:
            scored.metrics |= self._diversity(shown, seen["dino"])
            if len(self.photos) > 1:
                threshold = photo_threshold(self.views["dino"])
                copies = CopyCheck(self.views["dino"], threshold).alone()
                copies.update(seen["dino"])
                nearest = copies.nearest().cosine
                scored.add(shown, nearest=nearest, copy_rate=(nearest >= threshold - ROUNDING).float())
        return scored

    def bare(self, shown: Shown) -> Scored:
        """Pictures without the identifier, which must not show the subject: `pres`, `class_clip_t`, `class_share`."""
        scored = Scored()
        if "dino" in self.views:
            assert self.dino is not None
            scored.add(shown, pres=self._likeness("dino", self.dino.embed(shown.pictures)))
        if self.clip is not None and not self.is_manner and len(self.class_prompts) > 1:
            metric = ClassFidelity(self.clip.embed_texts(self.class_prompts), index=0).alone()
            metric.update(self.clip.embed(shown.pictures))
            each = metric.per_picture()
            scored.add(shown, class_clip_t=each["clip_t"], class_share=each["is_class"])
        return scored

    def real(self) -> dict[str, float]:
        """The photos among themselves, with and without pairs of a photo with itself; {} for a single photo."""
        if len(self.photos) < 2:
            return {}
        alone = {name: real_similarity(each, self_pairs=False) for name, each in self.views.items()}
        return alone | {
            f"{name}_with_self": real_similarity(each, self_pairs=True) for name, each in self.views.items()
        }

    def copier(self, prompts: Sequence[str]) -> dict[str, float]:
        """What a model would score that answered every prompt with the photos."""
        told = self.real()
        corner = {name: told[name] for name in self.views if name in told}
        if self.clip is not None:
            texts = self.clip.embed_texts(list(dict.fromkeys(prompts)))
            corner["clip_t"] = float((self.views["clip_i"] @ texts.T).mean())
        return corner

    def protocol(self) -> dict[str, Any]:
        """How the numbers came about."""
        told: dict[str, Any] = {}
        for name, judge in (("dino", self.dino), ("clip", self.clip)):
            if judge is not None:
                told[name] = {"judge": judge.checkpoint, "identity": judge.identity(), **vars(judge.preprocessing)}
        told["similarity"] = "mean cosine over all pairs of a picture and a photo"
        told["clip_t"] = "each picture against its own prompt, the identifier left out"
        told["photos"] = len(self.photos)
        return told

    def _views(self) -> dict[str, Any]:
        views: dict[str, Any] = {} if self.dino is None else {"dino": self.dino.embed}
        if self.dino is not None and self.is_manner:
            views["dino_patches"] = self.dino.patch_statistics
        return views if self.clip is None else {**views, "clip_i": self.clip.embed}

    def _likeness(self, view: str, embeddings: Tensor) -> Tensor:
        metric = SubjectSimilarity(self.views[view]).alone()
        metric.update(embeddings)
        return metric.per_picture()

    def _diversity(self, shown: Shown, embeddings: Tensor) -> dict[str, dict[str, Any]]:
        """{"div_dino": ...} from one value a prompt; {} where no prompt has two pictures."""
        prompts = list(dict.fromkeys(shown.prompts))
        numbers = torch.tensor([prompts.index(prompt) for prompt in shown.prompts])
        spreads = spread_by_prompt(embeddings, numbers)
        if not spreads:
            return {}
        kept = [prompts[number] for number in spreads]
        told = Shown([], kept, [0] * len(kept)).interval([float(each) for each in spreads.values()])
        return {"div_dino": told}
