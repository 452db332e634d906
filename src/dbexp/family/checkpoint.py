"""Where a model comes from: a folder or a Hub id in, facts, an id and a loaded family out. Constructing one touches
nothing.

It knows no particular family: a subclass says which pipeline, which published checkpoint and which family class it
stands for.
"""

from abc import ABC
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from huggingface_hub import constants

from dbexp.errors import NotHereError, UserError
from dbexp.family import files, hub
from dbexp.family.base import Family
from dbexp.family.facts import ModelFacts, facts_of
from dbexp.family.identity import folder_identity
from dbexp.family.published import Published
from dbexp.family.weights import load_network

__all__ = ["ModelFacts", "ModelSource"]


@dataclass
class ModelSource(ABC):
    """A checkpoint in the diffusers layout.

    Attributes:
        checkpoint: a folder, or a Hub id such as "owner/name".
        revision: branch, tag or commit on the Hub; None is the Hub's default branch.
        variant: which weight files, such as "fp16"; None is the plain ones.
    """

    checkpoint: str
    revision: str | None = None
    variant: str | None = None
    _snapshots: dict[bool, hub.Snapshot] = field(default_factory=dict, init=False, repr=False, compare=False)

    family_class: ClassVar[type[Family]]
    published: ClassVar[Published]
    left_out: ClassVar[dict[str, Any]]  # arguments that keep diffusers from loading what is not used here

    def facts(self, *, dry: bool = False) -> ModelFacts:
        """What the small files say.

        Args:
            dry: leave nothing on the disk that was not there.
        Returns:
            The facts; for the published checkpoint out of reach those bundled here, with `published` and `missing` set.
        Raises:
            UserError: not there, or of a kind that cannot be trained here.
        """
        try:
            snapshot = self._look(dry)
        except hub.HubAwayError as away:
            sentence = f"{away}: point model.checkpoint=/path/to/folder at a copy in the diffusers layout, or connect."
            if self.checkpoint != self.published.repo:
                raise NotHereError(sentence) from away
            return facts_of(self.published.configs, self.published, published=True, missing=sentence)
        configs = files.read_configs(snapshot.folder, self.published, self.checkpoint)
        missing = self._missing(snapshot)
        return facts_of(configs, self.published, missing=missing)

    def tokenizers(self, dry: bool = False) -> list[Any]:
        """The checkpoint's tokenizers, for looking at prompts before anything loads; [] if they are out of reach."""
        try:
            folder = self._look(dry).folder
        except hub.HubAwayError:
            return []
        self._refuse_missing_tokenizer(files.list_files(folder))
        return [
            self.family_class.tokenizer_class.from_pretrained(folder / n) for n in self.family_class.tokenizer_names
        ]

    def identity(self, memo: Path | None = None) -> str:
        """What names these very weights: "repo@commit" of the Hub, or "sha256:..." of a folder.

        Args:
            memo: JSON file in which hashes of a folder's files are remembered; see `folder_identity`.
        """
        snapshot = self._require()
        variant = f"/{self.variant}" if self.variant else ""
        if self._folder() is None:
            return f"{self.checkpoint}@{snapshot.commit}{variant}"
        return folder_identity(snapshot.folder, self._files_that_count(snapshot), memo)

    def load(self) -> Family:
        """The family with its weights: float32, eval mode, nothing trainable; downloads what is not there.

        Raises:
            UserError: not there, not loadable, or incomplete.
        """
        folder = self._download(self._require())
        networks = self.networks(self.published.classes)
        pipeline_class = self.family_class.pipeline_class
        pipeline = pipeline_class.from_pretrained(folder, local_files_only=True, **networks, **self.left_out)
        return self.family_class(pipeline).eval().requires_grad_(False)

    def networks(self, names: Iterable[str]) -> dict[str, Any]:
        """Some of the checkpoint's networks, by their names in it: float32.

        Raises:
            UserError: not there, not loadable, or incomplete.
        """
        folder = self._download(self._require())
        here = files.list_files(folder)
        found = {}
        for name in names:
            # a component without the variant has plain weights, as in diffusers
            variant = self.variant if files.weight_files(here, name, self.variant) else None
            found[name] = load_network(folder, name, self.published.classes[name], variant, self.checkpoint)
        return found

    def _folder(self) -> Path | None:
        """The folder that `checkpoint` means, or None if it is a Hub id."""
        path = Path(self.checkpoint).expanduser()
        if path.is_dir():
            if self.revision:
                raise UserError(f"model.revision={self.revision} says nothing of the folder {path}: leave it out.")
            return path
        if path.is_file():
            raise UserError(
                f"{path} is a single file, not a folder in the diffusers layout: convert it with diffusers' "
                "from_single_file."
            )
        if self.checkpoint.startswith(("/", ".", "~")) or self.checkpoint.count("/") > 1:
            raise NotHereError(
                f"The folder {path} is not there: correct model.checkpoint, a folder in the diffusers layout or "
                "a Hub id."
            )
        return None

    def _look(self, dry: bool) -> hub.Snapshot:
        """The checkpoint's small files, asked for once."""
        folder = self._folder()
        if folder is not None:
            return hub.Snapshot(folder, "", files.list_files(folder), online=False)
        if dry not in self._snapshots:
            self._snapshots[dry] = hub.look(self.checkpoint, self.revision, dry=dry)
        return self._snapshots[dry]

    def _require(self) -> hub.Snapshot:
        """The checkpoint, complete: here, or on a Hub that answers."""
        try:
            snapshot = self._look(dry=False)
        except hub.HubAwayError as away:
            raise UserError(f"{away}: point model.checkpoint=/path/to/folder at a copy, or connect.") from away
        files.read_configs(snapshot.folder, self.published, self.checkpoint)
        if missing := self._missing(snapshot):
            raise UserError(missing)
        return snapshot

    def _missing(self, snapshot: hub.Snapshot) -> str | None:
        """A sentence if weights that the Hub has are not cached and the Hub is away; raises if they do not exist at
        all.
        """
        try:
            files.chosen_weights(snapshot.files, self.published, self.variant, self.checkpoint)
            self._refuse_missing_tokenizer(snapshot.files)
        except UserError:
            if self._folder() is not None or snapshot.online:
                raise
            return (
                f"The cache ({constants.HF_HUB_CACHE}) holds only a part of {self.checkpoint} and the Hub "
                f"({constants.ENDPOINT}) does not answer: "
                "point model.checkpoint=/path/to/folder at a copy, or connect."
            )
        return None

    def _refuse_missing_tokenizer(self, here: frozenset[str]) -> None:
        kind = self.family_class
        layout = kind.tokenizer_class.vocab_files_names
        old_layout = [file for key, file in layout.items() if key != "tokenizer_file"]
        files.refuse_missing_tokenizer(here, kind.tokenizer_names, old_layout, self.checkpoint)

    def _files_that_count(self, snapshot: hub.Snapshot) -> list[str]:
        """Weights, configs and vocabulary; not the readme, nor another variant's weights."""
        rooms = {*self.published.classes, *self.family_class.tokenizer_names, "scheduler"}
        small = [name for name in snapshot.files if name.split("/")[0] in rooms and name.endswith(files.VOCABULARY)]
        index = [name for name in small if ".index." in name]
        weights = files.chosen_weights(snapshot.files, self.published, self.variant, self.checkpoint)
        return sorted({"model_index.json", *small, *weights} - set(index))

    def _download(self, snapshot: hub.Snapshot) -> Path:
        """The folder with the weights."""
        if not snapshot.online:
            return snapshot.folder
        try:
            return Path(
                self.family_class.pipeline_class.download(
                    self.checkpoint,
                    revision=snapshot.commit,
                    variant=self.variant,
                    use_safetensors=True,
                    **self.left_out,
                )
            )
        except hub.UNREACHABLE as error:
            raise UserError(hub.broke_off(self.checkpoint, error)) from error
