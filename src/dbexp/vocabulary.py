"""The vocabulary of experiments: where the folders of YAML lie, what one can choose in them, and the help made of it.

It reads file names and header comments only, so that `--help` needs neither Hydra nor torch.
"""

import os
from pathlib import Path

import yaml

EXAMPLES = """\
  python -m dbexp +experiment={first} dry_run=true                 check and print the plan, write nothing
  python -m dbexp +experiment={first} model.checkpoint=~/model     a checkpoint in a folder of yours
  python -m dbexp +experiment={first} subject=photos \\
      subject.photos=~/cat subject.class_noun=cat subject.kind=live          your own photos, no YAML
  python -m dbexp +experiment={first} prior.weight=0.3 seed=1 logger=none
  python -m dbexp.new my_cat ~/cat                                           your own photos as YAML files in ./conf"""

LAID_OVER = ("experiment", "sweep")
FOR_OTHERS = ("wandb",)  # read by `wandb sweep`, not by Hydra

KEYS = {
    "model.checkpoint": "Hub id, or a folder in the diffusers layout",
    "subject.photos": "folder of 3-6 photos",
    "subject.class_noun": "what it is one of: cat, backpack, film still",
    "subject.kind": "object, live, person, style or place: chooses the prompts",
    "dreambench.subject": "one of DreamBench's 30, with subject=dreambench dreambench.root=FOLDER",
    "prior.weight": "λ, how strongly the class is kept; prior=none for none",
    "prior.num_images": "class images drawn first, shared by all runs",
    "tune.text_encoder": "true: the text encoders learn too",
    "optimizer.lr": "learning rate; optimizer.text_encoder_lr for theirs",
    "trainer.max_steps": "optimizer steps",
    "sampling.num_images": "pictures per prompt",
    "stages": "[prior,encode,train,generate,evaluate,report] or some of them",
    "sweeps": "folder of all sweeps",
    "run_dir": "a run's folder: go on with it; other keys are laid over its config.yaml",
    "dry_run": "true: check, print the plan, write nothing",
}


def conf_dir() -> Path:
    """The shipped folder of YAML, absolute: inside the installed package, else the checkout's."""
    package = Path(__file__).resolve().parent
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"


def own_conf_dir() -> Path | None:
    """./conf where there is one, to be searched beside the shipped one; None where the two are the same folder."""
    own = Path.cwd() / "conf"
    return own if own.is_dir() and own.resolve() != conf_dir().resolve() else None


def choices(group: str) -> dict[str, Path]:
    """Name -> file of everything one can choose in a group; a shipped file wins over one of yours by the same name."""
    folders = [folder / group for folder in (own_conf_dir(), conf_dir()) if folder is not None]
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def standard() -> dict[str, str]:
    """Group -> what conf/config.yaml chooses of it, in its order."""
    defaults = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    pairs = [next(iter(each.items())) for each in defaults if isinstance(each, dict)]
    return {group: choice for group, choice in pairs if not group.startswith("override ")}


def groups() -> list[str]:
    """The groups, in alphabetical order, experiments and sweeps apart, which are laid over all of them."""
    others = (*LAID_OVER, *FOR_OTHERS)
    return sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir() and folder.name not in others)


def headline(file: Path) -> str:
    """The first comment line of a YAML file; the line for Hydra is none."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ") for line in lines if line.startswith("#") and "@package" not in line]
    return comments[0] if comments else ""


def shown(path: Path) -> str:
    """A path as one would type it: relative where it lies below the working directory."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def help_text() -> str:
    """What can be asked: experiments, choices, keys, examples."""
    experiments = choices("experiment")
    sweeps = choices("sweep")
    width = max(map(len, [*experiments, *sweeps]), default=0)
    wide = max(map(len, KEYS))
    lines = [
        "Teach Stable Diffusion one thing from 3-6 photos (DreamBooth), as an experiment.",
        "",
        "  python -m dbexp +experiment=NAME [group=choice ...] [key=value ...]",
        "",
        "Experiments",
        *(f"  {name:<{width}}  {headline(file)}" for name, file in sorted(experiments.items())),
        "",
        "Sweeps                     +sweep=NAME beside an experiment, a run a value; '+sweep=[NAME,NAME]' crosses two",
        *(f"  {name:<{width}}  {headline(file)}" for name, file in sorted(sweeps.items())),
        "",
        "Choices                    group=choice; the first word of each pair names a folder of conf/",
        *(f"  {group:<{width}}  {' '.join(sorted(choices(group)))}" for group in groups()),
        "",
        "Keys most used             key=value; all of them: --cfg job",
        *(f"  {key:<{wide}}  {meaning}" for key, meaning in KEYS.items()),
        "",
        "Examples",
        EXAMPLES.format(first=min(experiments)),
        "",
        "More",
        "  --cfg job     print the whole configuration of a request",
        "  --info        print where each part of it comes from",
        "  -m key=a,b    a run for each value; started again, what is lacking is done; dry_run=true tells what that is",
        f"  YAML lies in {shown(conf_dir())}; files in ./conf are found beside it.",
    ]
    return "\n".join(lines)
