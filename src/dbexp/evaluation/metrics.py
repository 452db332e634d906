"""Scores of embeddings: how like the photos, how like the prompt, how various, whether copied, whether still the class.

Each takes what an encoder saw, in batches of any size and on any number of processes, so that one look at a picture
serves all of them. It knows no network and no picture. All similarities are cosines: vectors may have any length.
"""

from dataclasses import dataclass
from typing import Any, Self

import torch
import torch.distributed
from torch import Tensor
from torchmetrics import Metric

ROUNDING = 1e-6  # of a cosine in float32: equal pictures may fall short of 1 by as much


class PictureMetric(Metric):
    """A metric that keeps a few numbers of each picture.

    `numbers`, which every `update` takes, are a picture's own number in the caller's list, int64, shape (B,). They put
    what is asked of each picture into order; without them the order is that of the updates, of one process only.

    Args:
        columns: names of what is kept, each of shape (N,) or (N, D).
    """

    full_state_update = False
    is_differentiable = False
    is_alone = False
    numbers: list[Tensor]

    def __init__(self, *columns: str) -> None:
        super().__init__(dist_sync_fn=gather)
        self.columns = columns
        for name in (*columns, "numbers"):
            self.add_state(name, default=[], dist_reduce_fx="cat")

    def alone(self) -> Self:
        """The same metric, asked by this process only: it waits for no other one, where there are several."""
        self.is_alone, self.distributed_available_fn = True, lambda: False
        return self

    def _keep(self, numbers: Tensor | None, **columns: Tensor) -> None:
        """Add a batch."""
        size = len(next(iter(columns.values())))
        if numbers is not None and numbers.shape != (size,):
            raise ValueError(f"{size} pictures have numbers of the shape {tuple(numbers.shape)}")
        for name, values in columns.items():
            getattr(self, name).append(values)
        if numbers is not None:
            self.numbers.append(numbers.to(self.device, torch.int64))

    def _all(self, name: str) -> Tensor:
        """A column over all pictures; only inside `compute`, where processes have been joined."""
        return self._filled(joined(getattr(self, name)))

    def _filled(self, column: Tensor) -> Tensor:
        if not len(column):
            raise ValueError(f"{type(self).__name__} has seen no picture, so there is nothing to score")
        return column

    def _gathered(self) -> dict[str, Tensor]:
        """Every column, and `numbers`, over the pictures of all processes, by rank; every process has to call it."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn, should_sync=not self.is_alone):
            kept = {name: getattr(self, name) for name in (*self.columns, "numbers")}
        columns = {name: joined(each) for name, each in kept.items()}
        self._filled(columns[self.columns[0]])
        return columns

    def _in_order(self) -> dict[str, Tensor]:
        """Every column over the pictures of all processes, by their numbers; every process has to call it.

        Raises:
            ValueError: there was no picture, or the order cannot be told.
        """
        columns = self._gathered()
        numbers = columns.pop("numbers")
        if not len(numbers) and (self.is_alone or num_processes() == 1):
            return columns
        if not len(numbers) == len(set(numbers.tolist())) == len(columns[self.columns[0]]):
            raise ValueError(
                f"{type(self).__name__}: give every picture a number of its own (with one process, or to none)"
            )
        order = numbers.argsort()
        return {name: values[order] for name, values in columns.items()}


class MeanSimilarity(PictureMetric):
    """One similarity a picture, and their mean."""

    similarity: list[Tensor]

    def __init__(self) -> None:
        super().__init__("similarity")

    def compute(self) -> Tensor:
        """The mean over pictures, a scalar in [-1, 1]."""
        return self._all("similarity").mean()

    def per_picture(self) -> Tensor:
        """Each picture's own, on the metric's device, shape (N,); every process has to call it."""
        return self._in_order()["similarity"]


class SubjectSimilarity(MeanSimilarity):
    """Mean cosine over all pairs of a generated picture and a photo (DreamBooth section 4.2, arXiv 2208.12242).

    With embeddings of DINO it is the paper's DINO, with CLIP's its CLIP-I, both higher for the better likeness. With
    DINO and pictures of the bare class prompt it is PRES, lower for the better: how much the class has become the
    subject.

    Args:
        photos: embeddings of the subject's photos, shape (P, D), P >= 1.
    """

    photos: Tensor

    def __init__(self, photos: Tensor) -> None:
        super().__init__()
        self.register_buffer("photos", references(photos, "photos"), persistent=False)

    def update(self, generated: Tensor, numbers: Tensor | None = None) -> None:
        """Add generated pictures: embeddings by the encoder of the photos, shape (B, D)."""
        # every picture meets every photo, so that the mean of its means is the mean over pairs
        self._keep(numbers, similarity=cosines(unit(generated).to(self.device), self.photos).mean(1))


class PromptSimilarity(MeanSimilarity):
    """CLIP-T: mean cosine of a picture and its own prompt (DreamBooth section 4.2, arXiv 2208.12242).

    The evaluation that later tables follow takes the identifier out of the prompt, which CLIP cannot know; that is for
    whoever embeds it.
    """

    def update(self, generated: Tensor, prompts: Tensor, numbers: Tensor | None = None) -> None:
        """Add pictures.

        Args:
            generated: CLIP's embeddings of pictures, shape (B, D).
            prompts: CLIP's embeddings of each picture's own prompt, shape (B, D).
        """
        if generated.shape != prompts.shape:
            raise ValueError(f"{tuple(generated.shape)} of pictures and {tuple(prompts.shape)} of prompts are no pairs")
        products = unit(generated).to(self.device) * unit(prompts, "the prompts").to(self.device)
        self._keep(numbers, similarity=products.sum(1))


class Diversity(PictureMetric):
    """1 - mean cosine over the pairs of pictures of one prompt, then the mean over prompts; `div_dino` with DINO.

    The paper's DIV is the mean LPIPS over the same pairs. LPIPS is left out: the paper names no backbone, and
    torchmetrics' needs torchvision and downloads weights. So this score is not to be compared with the paper's.
    """

    embedding: list[Tensor]
    prompt: list[Tensor]

    def __init__(self) -> None:
        super().__init__("embedding", "prompt")

    def update(self, generated: Tensor, prompts: Tensor) -> None:
        """Add pictures.

        Args:
            generated: embeddings, shape (B, D).
            prompts: number of each picture's prompt (where subjects are mixed, of subject and prompt), int64, shape
                (B,).
        """
        if prompts.shape != generated.shape[:1]:
            raise ValueError(f"{len(generated)} pictures have prompt numbers of the shape {tuple(prompts.shape)}")
        embedding = unit(generated).to(self.device)
        self._keep(None, embedding=embedding, prompt=prompts.to(self.device, torch.int64))

    def compute(self) -> Tensor:
        """The mean over prompts of two pictures or more, a scalar in [0, 2].

        Raises:
            ValueError: no prompt has two.
        """
        spreads = spread_by_prompt(self._all("embedding"), self._all("prompt"))
        if not spreads:
            raise ValueError("Diversity needs two pictures of one prompt, and every prompt has one")
        return torch.stack(list(spreads.values())).mean()

    def per_prompt(self) -> dict[int, float]:
        """The same for each prompt of two pictures or more, by its number; every process has to call it."""
        columns = self._gathered()
        spreads = spread_by_prompt(columns["embedding"], columns["prompt"])
        return {number: float(each) for number, each in spreads.items()}


@dataclass(frozen=True)
class Nearest:
    """The training photo that each generated picture is nearest to.

    Attributes:
        photo: its row among the photos, int64, shape (N,).
        cosine: to it, in [-1, 1], shape (N,).
    """

    photo: Tensor
    cosine: Tensor


class CopyCheck(PictureMetric):
    """Whether pictures repeat training photos: each picture's nearest photo, and the share that is as near as a copy.

    A likeness score alone rewards a model that has learned the photos by heart: those would score best of all.

    Args:
        photos: embeddings of the photos trained on, shape (P, D), P >= 1.
        threshold: cosine at and above which a picture counts as a copy of its nearest photo, in [-1, 1]. What is near
            depends on the encoder and on the subject, so there is no constant: `photo_threshold` takes it from the
            photos themselves.
    """

    photos: Tensor
    photo: list[Tensor]
    cosine: list[Tensor]

    def __init__(self, photos: Tensor, threshold: float) -> None:
        super().__init__("photo", "cosine")
        if not -1 <= threshold <= 1:
            raise ValueError(f"the threshold is a cosine, not {threshold}")
        self.threshold = threshold
        self.register_buffer("photos", references(photos, "photos"), persistent=False)

    def update(self, generated: Tensor, numbers: Tensor | None = None) -> None:
        """Add generated pictures: embeddings by the encoder of the photos, shape (B, D)."""
        cosine, photo = cosines(unit(generated).to(self.device), self.photos).max(1)
        self._keep(numbers, photo=photo, cosine=cosine)

    def compute(self) -> Tensor:
        """The copy rate: share of pictures at or above the threshold, to rounding; a scalar in [0, 1]."""
        return (self._all("cosine") >= self.threshold - ROUNDING).float().mean()

    def nearest(self) -> Nearest:
        """Each picture's nearest photo."""
        columns = self._in_order()
        return Nearest(columns["photo"], columns["cosine"])


class ClassFidelity(PictureMetric):
    """Whether "a photo of a [class noun]" still shows the class: CLIP-T with that prompt, and CLIP's zero-shot answer.

    PRES (see `SubjectSimilarity`) says how much of the subject has got into the class; this says what is left of it,
    and so tells language drift from a class that was never drawn well.

    Args:
        prompts: CLIP's embeddings of the class prompt with the class noun and with other nouns, shape (C, D), C >= 2.
        index: row of the class noun's.
    """

    prompts: Tensor
    clip_t: list[Tensor]
    is_class: list[Tensor]

    def __init__(self, prompts: Tensor, index: int) -> None:
        super().__init__("clip_t", "is_class")
        if len(prompts) < 2 or not 0 <= index < len(prompts):
            raise ValueError(f"the class noun needs others beside it, and a row: {len(prompts)} prompts, row {index}")
        self.index = index
        self.register_buffer("prompts", unit(prompts, "the prompts"), persistent=False)

    def update(self, generated: Tensor, numbers: Tensor | None = None) -> None:
        """Add pictures of the bare class prompt: CLIP's embeddings, shape (B, D)."""
        similarity = cosines(unit(generated).to(self.device), self.prompts)
        own = similarity[:, self.index]
        self._keep(numbers, clip_t=own, is_class=(own >= similarity.amax(1)).float())

    def compute(self) -> dict[str, Tensor]:
        """`clip_t`: mean cosine with the class prompt, in [-1, 1]; `is_class`: share of pictures that no other noun
        fits better, in [0, 1] (zero-shot classification: Radford et al., section 3.1, arXiv 2103.00020).
        """
        return {name: self._all(name).mean() for name in self.columns}

    def per_picture(self) -> dict[str, Tensor]:
        """The same of each picture, shape (N,) each; `is_class` is 0 or 1."""
        return self._in_order()


def real_similarity(photos: Tensor, *, self_pairs: bool) -> float:
    """Mean cosine over pairs of the photos: what `SubjectSimilarity` gives for the real thing.

    Published "real" rows disagree because some count each photo with itself, P ones among P² pairs; report both.

    Args:
        photos: embeddings, shape (P, D).
        self_pairs: count all P² pairs, or the P (P - 1) of two different photos.
    Raises:
        ValueError: P < 2 and no self-pairs.
    """
    vectors = references(photos, "photos")
    return float(cosines(vectors, vectors).mean() if self_pairs else 1 - spread(vectors))


def photo_threshold(photos: Tensor, quantile: float = 1.0) -> float:
    """How near the photos come to each other, as a threshold for `CopyCheck`: a cosine.

    Each photo has a cosine to the nearest other photo; this is a quantile of those. The default, 1, is that of the two
    photos that are most alike: a copy is a picture nearer to a training photo than any two photos are to each other.
    Where the photos hold one shot twice, that is 1 and finds exact copies only; 0.5, the median, is not moved by it,
    but then half of the photos are copies by their own measure.

    Args:
        photos: embeddings, shape (P, D), P >= 2.
        quantile: in [0, 1].
    """
    vectors = references(photos, "photos")
    if len(vectors) < 2:
        raise ValueError("one photo has no other to be near to: a threshold needs two photos or more")
    nearest = cosines(vectors, vectors).fill_diagonal_(-1.0).amax(1)
    return min(1.0, float(nearest.quantile(quantile)))  # rounding may take it beyond 1


def spread(embeddings: Tensor) -> Tensor:
    """1 - mean cosine over pairs of two different vectors of unit length, shape (N, D); a scalar.

    Raises:
        ValueError: N < 2.
    """
    num = len(embeddings)
    if num < 2:
        raise ValueError(f"{num} pictures make no pair: two or more are needed")
    similarity = cosines(embeddings, embeddings)
    return 1 - (similarity.sum() - similarity.trace()) / (num * (num - 1))


def spread_by_prompt(embeddings: Tensor, prompts: Tensor) -> dict[int, Tensor]:
    """`spread` of each prompt's pictures, by its number; prompts of one picture are left out."""
    groups = {number: embeddings[prompts == number] for number in sorted(set(prompts.tolist()))}
    return {number: spread(group) for number, group in groups.items() if len(group) > 1}


def unit(embeddings: Tensor, what: str = "the pictures") -> Tensor:
    """The same directions with length 1, float32, shape (N, D).

    Raises:
        ValueError: not a matrix, or a vector that is zero, inf or NaN, which has no direction.
    """
    if embeddings.ndim != 2:
        raise ValueError(f"the embeddings of {what} have the shape {tuple(embeddings.shape)}, not (N, D)")
    lengths = embeddings.float().norm(dim=1, keepdim=True)
    if not bool((lengths.isfinite() & (lengths > 0)).all()):
        raise ValueError(f"an embedding of {what} is zero, inf or NaN")
    directions: Tensor = embeddings.float() / lengths
    return directions


def references(embeddings: Tensor, what: str) -> Tensor:
    """What pictures are compared to, as unit vectors; there must be some."""
    if not len(embeddings):
        raise ValueError(f"there are no {what} to compare to")
    return unit(embeddings, f"the {what}")


def cosines(one: Tensor, other: Tensor) -> Tensor:
    """Cosines of all pairs of unit vectors, (N, D) and (M, D), in float32 whatever the caller's; shape (N, M)."""
    if one.shape[1] != other.shape[1]:
        raise ValueError(f"embeddings of {one.shape[1]} and {other.shape[1]} numbers are of two encoders")
    with torch.autocast(one.device.type, enabled=False):
        similarity: Tensor = one @ other.t()
    return similarity


def joined(kept: Tensor | list[Tensor]) -> Tensor:
    """A column: what processes have put together, or the batches of one."""
    parts = [kept] if isinstance(kept, Tensor) else kept
    return torch.cat(parts) if parts else torch.zeros(0)


def num_processes() -> int:
    is_distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if is_distributed else 1


def gather(column: Tensor, group: Any = None) -> list[Tensor]:
    """This column of every process that has pictures, by rank.

    torchmetrics' own way fails where a process has none: what it sends then has neither the type nor the shape of the
    others'.
    """
    columns: list[Any] = [None] * torch.distributed.get_world_size(group)
    torch.distributed.all_gather_object(columns, column.cpu(), group=group)
    return [each.to(column.device) for each in columns if len(each)] or [column]
