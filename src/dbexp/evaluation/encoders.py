"""The frozen networks that judge: DINO sees pictures, CLIP pictures and words; both answer with unit vectors.

Making one touches nothing; its files are looked for, and downloaded, when they are first needed: in the folder that is
named, else in the Hub's cache, else on the Hub. What is cached is not asked for again, so that a judge stays the same
judge. It knows neither subjects nor scores.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import torch
from huggingface_hub import constants, get_repo_discussions, model_info, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    StrictDataclassError,
)
from PIL.Image import Image
from safetensors import SafetensorError
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, ViTConfig, ViTModel

from dbexp.errors import NotHereError, UserError
from dbexp.evaluation.pixels import IMAGENET, OPENAI_CLIP, Preprocessing

TIMEOUT_SECONDS = 10.0
# what a missing network, proxy or server raises: the base of the client's HTTP library, whichever that is, and OSError
UNREACHABLE: tuple[type[BaseException], ...] = (*HfHubHTTPError.__bases__, OSError)
REFUSED = (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError)
CONFIG, WEIGHTS = "config.json", "model.safetensors"
CONVERTER = "SFconvertbot"  # the Hub's own account that opens pull requests with .bin weights as safetensors
Item = TypeVar("Item", Image, str)


class Encoder:
    """One judge: float32, eval mode, nothing trainable; a subclass says which network it is.

    Attributes:
        checkpoint: folder as transformers' save_pretrained writes it, or Hub id.
        revision: branch, tag, pull request ("refs/pr/1") or commit on the Hub. None is the default branch, or, if that
            has no safetensors, the pull request in which the Hub's own bot converted its weights.
        preprocessing: how a picture becomes the network's input; the scores depend on it as on the weights.
    """

    key: ClassVar[str]  # the configuration's, for messages
    published: ClassVar[str]
    config_class: ClassVar[Any]
    network_class: ClassVar[Any]
    left_out: ClassVar[dict[str, Any]] = {}  # arguments that keep transformers from building what is not used here
    needed: ClassVar[tuple[tuple[str, ...], ...]] = ((CONFIG, WEIGHTS),)  # files, in each layout that will do
    welcome: ClassVar[tuple[str, ...]] = ()  # files that count where they are there

    def __init__(self, checkpoint: str, revision: str | None, preprocessing: Preprocessing) -> None:
        self.checkpoint, self.revision, self.preprocessing = checkpoint, revision, preprocessing
        self.device = torch.device("cpu")
        self._folder: Path | None = None
        self._network: Any = None

    def to(self, device: torch.device | str) -> Self:
        """Compute on this device from now on; what comes out lies on the CPU all the same."""
        self.device = torch.device(device)
        if self._network is not None:
            self._network.to(self.device)
        return self

    def missing(self) -> str | None:
        """One sentence on why the network cannot be had, or None; writes nothing and waits a few seconds at most."""
        try:
            self._locate()
        except UserError as error:
            return str(error)
        return None

    def identity(self) -> str:
        """What names these very weights: "repo@commit" on the Hub, "sha256:..." over a folder's files; downloads.

        Raises:
            UserError: as `missing` says, or a download broke off.
        """
        folder = self.folder()
        if not is_folder(self.checkpoint):
            return f"{self.checkpoint}@{folder.name}"
        lines = []
        for name in sorted(file_names(folder) & self._wanted()):
            with (folder / name).open("rb") as stream:
                lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {name}\n")
        return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"

    def folder(self) -> Path:
        """Where its files lie; downloads them if they are nowhere here."""
        if self._folder is None:
            place = self._locate()
            self._folder = place if isinstance(place, Path) else self._download(place)
        return self._folder

    def network(self) -> Any:
        """The network on its device, loaded once.

        Raises:
            UserError: not there, damaged or incomplete.
        """
        if self._network is None:
            self._network = self._load(self.folder()).eval().requires_grad_(False).to(self.device)
        return self._network

    def _encode(self, encode: Callable[[Sequence[Item]], Tensor], items: Sequence[Item], batch_size: int) -> Tensor:
        """What `encode` makes of each batch, as unit vectors, float32, on the CPU, shape (N, D).

        Neither an inference tensor nor of lower precision, whatever modes the caller is in.
        """
        if not items or batch_size < 1:
            raise ValueError(f"nothing can be encoded: {len(items)} pictures or texts, batch_size={batch_size}")
        starts = range(0, len(items), batch_size)
        with torch.inference_mode(), torch.autocast(self.device.type, enabled=False):
            parts = [encode(items[start : start + batch_size]).float().cpu() for start in starts]
        with torch.inference_mode(False):
            vectors = normalize(torch.cat(parts), dim=-1)
        if not vectors.isfinite().all():
            raise UserError(f"{self._name()} gives inf or NaN: fetch its weights again.")
        return vectors

    def _pixels(self, pictures: Sequence[Image]) -> Tensor:
        return self.preprocessing(pictures).to(self.device)

    def _name(self) -> str:
        return f"{self.key}.checkpoint={self.checkpoint}"

    def _remedy(self) -> str:
        return (
            f"point {self.key}.checkpoint= at a folder that {self.network_class.__name__}.save_pretrained wrote (only "
            f"safetensors are read) or at a Hub id such as {self.published}."
        )

    def _wanted(self) -> set[str]:
        """Names of all files that make the judge."""
        return {*(name for layout in self.needed for name in layout), *self.welcome}

    def _absent(self, names: Collection[str]) -> list[str]:
        """What a checkpoint with these files lacks of the layout that it is nearest to."""
        return min(([name for name in layout if name not in names] for layout in self.needed), key=len)

    def _refuse_incomplete(self, names: Collection[str]) -> None:
        if absent := self._absent(names):
            raise UserError(f"{self._name()} has no {' and no '.join(absent)}: {self._remedy()}")

    def _refuse_other(self, config: dict[str, Any]) -> None:
        if (found := config.get("model_type")) != self.config_class.model_type:
            raise UserError(f"{self._name()} is a model of the type {found!r}: {self._remedy()}")

    def _checked(self, folder: Path) -> Path:
        """The folder itself, once it is known to hold this kind of network, for pictures of this size."""
        self._refuse_incomplete(file_names(folder))
        try:
            told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            self._refuse_other(told if isinstance(told, dict) else {})
            config = self.config_class.from_pretrained(folder)
        except (OSError, ValueError, TypeError, StrictDataclassError) as error:
            why = f"its {CONFIG} cannot be read ({first_line(error)})"
            raise UserError(f"{self._name()}: {why}: {self._remedy()}") from error
        side, crop = getattr(config, "vision_config", config).image_size, self.preprocessing.crop
        if side != crop:
            raise UserError(
                f"{self.key}.crop={crop}, but {self.checkpoint} takes pictures of {side} pixels: set {self.key}.crop="
                f"{side}."
            )
        return folder

    def _locate(self) -> Path | str | None:
        """The folder that holds it, or, if it is only on the Hub, the revision to fetch; writes nothing.

        Raises:
            NotHereError: neither a folder nor cached nor reachable.
            UserError: there, but not a network of this kind; or the Hub has no such model.
        """
        if is_folder(self.checkpoint):
            if self.revision:
                raise UserError(f"{self.key}.revision={self.revision} says nothing of a folder: leave it out.")
            return self._checked(Path(self.checkpoint).expanduser())
        if self.checkpoint.startswith(("/", ".", "~")) or self.checkpoint.count("/") > 1:
            raise NotHereError(f"{self._name()} is not there: {self._remedy()}")
        try:
            cached = self._cached()
            return self._checked(cached) if cached else self._on_hub()
        except REFUSED as error:
            asked = f"{self._name()}, revision {self.revision or 'left open'}"
            raise UserError(f"{asked}: the Hub refuses ({first_line(error)}): {self._remedy()}") from error
        except UNREACHABLE as error:
            raise NotHereError(
                f"{self._name()} is not, or not whole, in the cache ({constants.HF_HUB_CACHE}), and the Hub "
                f"({constants.ENDPOINT}) does not answer ({first_line(error)}): {self._remedy()}"
            ) from error

    def _cached(self) -> Path | None:
        """The snapshot in the Hub's cache that the revision stands for, if it is whole."""
        revisions = [self.revision]
        if self.revision is None:  # the converter's pull request may be what was fetched
            refs = Path(constants.HF_HUB_CACHE, "models--" + self.checkpoint.replace("/", "--"), "refs", "refs", "pr")
            revisions += [f"refs/pr/{path.name}" for path in sorted(refs.glob("*"))]
        found = [try_to_load_from_cache(self.checkpoint, CONFIG, revision=revision) for revision in revisions]
        folders = [Path(config).parent for config in found if isinstance(config, str)]
        return next((folder for folder in folders if not self._absent(file_names(folder))), None)

    def _on_hub(self) -> str | None:
        """The revision to fetch."""
        revision = self.revision
        info = model_info(self.checkpoint, revision=revision, timeout=TIMEOUT_SECONDS)
        if revision is None and WEIGHTS not in {each.rfilename for each in info.siblings or []}:
            pulls = get_repo_discussions(self.checkpoint, author=CONVERTER, discussion_type="pull_request")
            revision = next((pull.git_reference for pull in pulls if pull.author == CONVERTER), None)
            info = model_info(self.checkpoint, revision=revision, timeout=TIMEOUT_SECONDS)
        self._refuse_incomplete({each.rfilename for each in info.siblings or []})
        if info.config:
            self._refuse_other(info.config)
        return revision

    def _download(self, revision: str | None) -> Path:
        # by branch or pull request, not by commit, so that the cache remembers which commit it stood for
        wanted = sorted(self._wanted())
        try:
            return self._checked(Path(snapshot_download(self.checkpoint, revision=revision, allow_patterns=wanted)))
        except UNREACHABLE as error:
            raise UserError(
                f"The download of {self.checkpoint} broke off ({first_line(error)}): run it again, what has arrived is "
                "kept."
            ) from error

    def _load(self, folder: Path) -> Any:
        options = {"use_safetensors": True, "local_files_only": True, "output_loading_info": True, **self.left_out}
        try:
            network, report = self.network_class.from_pretrained(folder, dtype=torch.float32, **options)
        except (OSError, SafetensorError, ValueError, RuntimeError) as error:
            raise UserError(f"{self._name()} cannot be loaded ({first_line(error)}): fetch it again.") from error
        if missing := sorted(report["missing_keys"]):  # transformers fills them with random numbers and only warns
            raise UserError(f"{self._name()} lacks {len(missing)} weights, such as {missing[0]}: fetch it again.")
        return network


class DinoEncoder(Encoder):
    """A ViT that learned without labels (Caron et al., arXiv 2104.14294), which tells individuals apart.

    Args:
        checkpoint, revision: see `Encoder`.
        resize: shorter edge in pixels before the crop; None leaves the size.
        crop: side in pixels of what the network sees; the checkpoint's own.
        mean, std: of red, green and blue in [0, 1], as the network was trained.
    """

    key = "evaluation.dino"
    published = "facebook/dino-vits16"
    config_class, network_class = ViTConfig, ViTModel
    left_out: ClassVar[dict[str, Any]] = {"add_pooling_layer": False}  # DINO has none: transformers would invent one

    def __init__(
        self,
        checkpoint: str,
        revision: str | None = None,
        resize: int | None = 256,
        crop: int = 224,
        mean: Sequence[float] = IMAGENET.mean,
        std: Sequence[float] = IMAGENET.std,
    ) -> None:
        super().__init__(checkpoint, revision, Preprocessing(resize, crop, tuple(mean), tuple(std)))

    def embed(self, pictures: Sequence[Image], batch_size: int = 32) -> Tensor:
        """The CLS token after the last LayerNorm, unit length, float32, on the CPU, shape (N, D).

        Args:
            pictures: N >= 1 pictures, RGB, of any sizes.
        """
        return self._encode(lambda batch: self._tokens(batch)[:, 0], pictures, batch_size)

    def patch_statistics(self, pictures: Sequence[Image], batch_size: int = 32) -> Tensor:
        """Mean and deviation of each channel over the patch tokens, unit length, float32, on the CPU, shape (N, 2 D).

        For styles and places, where there is no one thing to recognise: it says which features a picture has and how
        much they vary, not where they are, as style has been described since Gatys et al. (arXiv 1508.06576) and,
        by these two statistics, Huang & Belongie (arXiv 1703.06868). A score of its own: its cosines are much nearer
        to 1 than those of `embed` and are not to be compared with them.
        """

        def statistics(batch: Sequence[Image]) -> Tensor:
            patches = self._tokens(batch)[:, 1:]
            return torch.cat([patches.mean(1), patches.std(1, correction=0)], 1)

        return self._encode(statistics, pictures, batch_size)

    def _tokens(self, pictures: Sequence[Image]) -> Tensor:
        tokens: Tensor = self.network()(pixel_values=self._pixels(pictures)).last_hidden_state
        return tokens


class ClipEncoder(Encoder):
    """Pictures and texts in one space (Radford et al., arXiv 2103.00020).

    Args:
        checkpoint, revision: see `Encoder`; the tokenizer lies with the weights.
        resize, crop, mean, std: as for `DinoEncoder`, with CLIP's own values.
    """

    key = "evaluation.clip"
    published = "openai/clip-vit-base-patch32"
    config_class, network_class = CLIPConfig, CLIPModel
    needed = ((CONFIG, WEIGHTS, "tokenizer.json"), (CONFIG, WEIGHTS, "vocab.json", "merges.txt"))
    welcome = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")

    def __init__(
        self,
        checkpoint: str,
        revision: str | None = None,
        resize: int | None = 224,
        crop: int = 224,
        mean: Sequence[float] = OPENAI_CLIP.mean,
        std: Sequence[float] = OPENAI_CLIP.std,
    ) -> None:
        super().__init__(checkpoint, revision, Preprocessing(resize, crop, tuple(mean), tuple(std)))
        self._tokenizer: CLIPTokenizer | None = None

    def embed(self, pictures: Sequence[Image], batch_size: int = 32) -> Tensor:
        """Projected picture embeddings, unit length, float32, on the CPU, shape (N, D)."""

        def encode(batch: Sequence[Image]) -> Tensor:
            features: Tensor = self.network().get_image_features(pixel_values=self._pixels(batch)).pooler_output
            return features

        return self._encode(encode, pictures, batch_size)

    def embed_texts(self, texts: Sequence[str], batch_size: int = 32) -> Tensor:
        """Projected text embeddings, unit length, float32, on the CPU, shape (N, D); longer texts are cut."""

        def encode(batch: Sequence[str]) -> Tensor:
            length = {"padding": "max_length", "truncation": True, "max_length": self._max_length()}
            input_ids = self.tokenizer()(list(batch), return_tensors="pt", **length).input_ids.to(self.device)
            # without padding's attention mask: what follows the end token cannot be seen from it
            features: Tensor = self.network().get_text_features(input_ids=input_ids).pooler_output
            return features

        return self._encode(encode, texts, batch_size)

    def too_long(self, texts: Sequence[str]) -> list[str]:
        """Those texts of which `embed_texts` reads only the beginning."""
        limit = self._max_length()
        return [text for text in texts if len(self.tokenizer()(text, verbose=False).input_ids) > limit]

    def tokenizer(self) -> CLIPTokenizer:
        """The checkpoint's own tokenizer, loaded once."""
        if self._tokenizer is None:
            self._tokenizer = CLIPTokenizer.from_pretrained(self.folder(), local_files_only=True)
        return self._tokenizer

    def _max_length(self) -> int:
        """Tokens of a text, with start and end; a tokenizer without a limit of its own says 1e30."""
        positions = self.config_class.from_pretrained(self.folder()).text_config.max_position_embeddings
        return int(min(self.tokenizer().model_max_length, positions))

    def _load(self, folder: Path) -> Any:
        network = super()._load(folder)
        # configs from before huggingface/transformers#24773 say 2, with which the highest id is taken for the end
        network.text_model.eos_token_id = self.tokenizer().eos_token_id
        return network


def is_folder(checkpoint: str) -> bool:
    return Path(checkpoint).expanduser().is_dir()


def file_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def first_line(error: BaseException) -> str:
    """What an error says first, or its name where it says nothing; libraries write paragraphs."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
