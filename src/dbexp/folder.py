"""The run folder: where each thing of a run lies, and how it is written. It does not know what a run does."""

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from dbexp.errors import UserError
from dbexp.store import write_whole

LOCK, PLACE = ".lock", "sweep.json"
BEGINNINGS = ("manifest.json", "summary.json", PLACE)  # what may lie where no config.yaml is yet
GIT_SECONDS = 5.0  # how long git may take for an answer
LIBRARIES = ("torch", "pytorch-lightning", "diffusers", "transformers", "hydra-core", "wandb")

# what may differ when a run folder is started again: nothing here changes the weights it ends with
FREE_KEYS = (
    *("stages.", "run_dir.", "runs.", "sweeps.", "cache.", "dry_run.", "sampling.", "logger.", "subject.prompts."),
    *("evaluation.dino.", "evaluation.clip.", "evaluation.num_class_images.", "evaluation.other_nouns."),
    *("trainer.accelerator.", "trainer.log_every_n_steps.", "trainer.checkpoint_every_n_steps."),
    *("trainer.cuda_graphs.", "trainer.deterministic."),
    *("data.num_workers.", "prior.sampling.batch_size."),
)


@dataclass(frozen=True)
class Sample:
    """One picture of a run as samples/index.jsonl records it.

    Attributes:
        prompt: what the model was asked for.
        seed: the picture's place in its row, 0, 1, 2, ...
        generator_seed: seed of its generator; with the same weights plain diffusers draws the same picture.
        step: optimizer steps the weights had seen.
        role: what the picture is for: "final", "step" amid training, "base" where nothing was trained; "ignorer": the
            base model's with the identifier left out; "class" and "class_base": of the bare class prompt after and
            before training.
        file: relative to the run folder.
        sampling: how it was drawn: sampler, steps, guidance, eta, negative prompt, resolution, precision.
        scores: what the encoders say of it.
    """

    prompt: str
    seed: int
    generator_seed: int
    step: int
    role: str
    file: str
    sampling: dict[str, Any]
    scores: dict[str, Any] = field(default_factory=dict)


class RunFolder:
    """Paths and files of one run.

    Args:
        path: the folder; `create` makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.weights = path / "weights"
        self.metrics = path / "metrics.csv"

    def create(self, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """Make the folder with config.yaml and manifest.json, or go on with one that is there: neither is ever
        rewritten.

        The preflight has looked at `differences`.

        Raises:
            UserError: the folder holds a run of other photos or other base weights.
        """
        if (self.path / "config.yaml").exists():
            return self._refuse_other_content(manifest)
        self.path.mkdir(parents=True, exist_ok=True)
        self._write_json("manifest.json", manifest)
        write_whole(self.path / "config.yaml", to_yaml(config).encode())

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder, which is made if missing, against a second start while the block runs.

        The system lets go of it when its owner dies. The file that is locked stays, and says who held it last.

        Raises:
            UserError: it is held, by another process or by this one.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / LOCK).open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                owner = file.read()  # nothing yet, if the owner took it this moment
                who = f"another process ({owner})" if owner else "another process"
                raise UserError(f"run_dir={self.path} is being written by {who}: wait for it or stop it") from None
            file.truncate(0)
            file.write(f"pid {os.getpid()} on {platform.node()}, since {datetime.now():%Y-%m-%d %H:%M:%S}")
            file.flush()
            yield

    def sweep(self) -> None:
        """Remove the beginnings of files that killed writers left; only while the lock is held, so that none lives."""
        for path in self.path.rglob(".*.tmp"):
            path.unlink(missing_ok=True)

    def read_config(self) -> dict[str, Any] | None:
        """config.yaml, the request of the first start; None for a new folder.

        Raises:
            UserError: it cannot be read, or is no mapping.
        """
        file = self.path / "config.yaml"
        if not file.is_file():
            return None
        try:
            config = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise UserError(f"{file} cannot be read as YAML; mend it, or leave run_dir out for a new run") from error
        if not isinstance(config, dict):
            raise UserError(f"{file} holds no keys of a run; mend it, or leave run_dir out for a new run")
        return config

    def read_summary(self) -> dict[str, Any]:
        """What an earlier start of this run wrote into summary.json; {} for a new run."""
        file = self.path / "summary.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Replace summary.json."""
        self._write_json("summary.json", {"schema": 1, **summary})

    def read_manifest(self) -> dict[str, Any]:
        """What the run rests on; {} where that was not written."""
        file = self.path / "manifest.json"
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def write_place(self, place: Mapping[str, Any]) -> None:
        """Write sweep.json: which sweep this run is a job of, and where on its axes it stands."""
        self._write_json(PLACE, {"schema": 1, **place})

    def read_place(self) -> dict[str, Any]:
        """What sweep.json says; {} for a run that is no job of a sweep."""
        file = self.path / PLACE
        return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}

    def sample_file(self, step: int, prompt: str, seed: int) -> str:
        """Where a picture lies, relative to the run folder: samples/<step>/<slug>-<hash>/<seed>.png."""
        slug = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:48].strip("-")
        digest = hashlib.sha256(prompt.encode()).hexdigest()[:8]
        return f"samples/{step:06d}/{slug}-{digest}/{seed}.png"

    def keep(self, file: str, content: bytes) -> None:
        """Write one file of the run whole."""
        (self.path / file).parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / file, content)

    def record_samples(self, samples: Sequence[Sample]) -> None:
        """Add rows to samples/index.jsonl; a picture drawn again replaces its row."""
        by_file = {each.file: vars(each) for each in (*self.samples(), *samples)}
        self.keep("samples/index.jsonl", "".join(json.dumps(row) + "\n" for row in by_file.values()).encode())

    def samples(self) -> list[Sample]:
        """The pictures of samples/index.jsonl."""
        index = self.path / "samples" / "index.jsonl"
        rows = [json.loads(line) for line in index.read_text().splitlines()] if index.exists() else []
        return [Sample(**row) for row in rows]

    @property
    def is_trained(self) -> bool:
        """Whether the run's weights have been written: a whole pipeline, or the files of an adapter or a word. All of
        them are in the folder when it gets its name.
        """
        return any(self.weights.glob("*.*"))

    @property
    def is_foreign(self) -> bool:
        """Whether something other than a run lies here."""
        if (self.path / "config.yaml").is_file() or not self.path.exists():
            return False
        # a run that died at once leaves its lock, its manifest and the beginnings of files; a sweep's job its place,
        # and a link to the weights that it draws from
        known = (path.name in BEGINNINGS or path.name[0] == "." or path.is_symlink() for path in self.path.iterdir())
        return not all(known)

    def differences(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Keys of a request that would train this run another way: {key: (here, asked)}; {} for a new folder.

        Args:
            config: the request.
            defaults: what a key says that config.yaml does not have, since it was not known then.
        Raises:
            UserError: config.yaml cannot be read.
        """
        written = self.read_config()
        if written is None:
            return {}
        asked = flat(config)
        here = {key: value for key, value in flat(defaults).items() if key in asked} | flat(written)
        keys = [key for key in {**here, **asked} if not is_free(key)]
        return {key: (here.get(key), asked.get(key)) for key in keys if here.get(key) != asked.get(key)}

    def _refuse_other_content(self, manifest: Mapping[str, Any]) -> None:
        here = json.loads((self.path / "manifest.json").read_text())
        for part in ("base", "photos"):
            if here[part] != manifest[part]:
                raise UserError(
                    f"run_dir={self.path} holds a run of other {part} (the bytes differ from its manifest.json);"
                    " leave run_dir out for a new run"
                )

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        write_whole(self.path / name, (json.dumps(content, indent=2) + "\n").encode())


def is_free(key: str) -> bool:
    """Whether a dotted key, or a whole group by its name, may differ when a run folder is started again."""
    return f"{key}.".startswith(FREE_KEYS)


def claim_run_path(runs: Path, name: str) -> Path:
    """Make <runs>/<name>/<time> for a new run; two runs that start in one second get a folder each."""
    time = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    for number in itertools.count(1):
        path = runs / name / (time if number == 1 else f"{time}_{number}")
        with contextlib.suppress(FileExistsError):
            path.mkdir(parents=True)
            return path
    raise AssertionError("counting never ends")


def make_manifest(seed: int, photos: Mapping[str, str], base: str) -> dict[str, Any]:
    """What a run rests on: source, versions, hardware, seed, photos ({name: sha256}), the base weights' identity."""
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {
        "schema": 1,
        "dbexp": version("dbexp"),
        "commit": source_commit(Path(__file__).parent),
        "python": platform.python_version(),
        "versions": {library: version(library) for library in LIBRARIES},
        "hardware": {"device": device, "platform": platform.platform()},
        "seed": seed,
        "photos": dict(photos),
        "base": base,
    }


def source_commit(package: Path) -> str | None:
    """The git commit that a package's source is at, with "-dirty" behind it where files differ from the commit.

    None where there is no checkout or git gives no answer. A package that merely lies somewhere in a checkout, as in
    a virtual environment there, is not that checkout's source.
    """
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = _git(package, "rev-parse", "HEAD"), _git(package, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return None
    return f"{commit}-dirty" if changes else commit


def _git(folder: Path, *words: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]  # no lock: status would rewrite the index
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=GIT_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested containers as {dotted key: leaf}; a list is a leaf."""
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        leaves |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return leaves


def to_yaml(config: Mapping[str, Any]) -> str:
    """Plain containers as YAML in their own order."""
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=120)
