"""python -m dbexp.mini.pretrain WHAT out=FOLDER [key=value ...]: train one part of the bundled mini models.

WHAT, in the order of need; each reads FOLDER/<what> of those before it, and the same command goes on where it stopped:

    pictures                   drawings with captions and truth           (num=100000)
    vae                        1.6 M weights,  3.3 MB, in both checkpoints
    clip, clip_2, judge        0.7, 1.1, 1.3 M, 1.5 MB (in both), 2.2 MB, 2.6 MB
    dino, oracle               1.1, 1.0 M,     2.2 MB, 2.0 MB; the oracle needs the vae
    unet_sd, unet_sdxl         4.4, 5.9 M,     8.8 MB, 11.9 MB; need vae and clip, the large one clip_2 and unet_sd
    mini_sd15, mini_sdxl       put together:   13.5 MB, 18.8 MB; all that is shipped: 39 MB
    vae_sheet, base_sheet, scores              pictures to look at, numbers to believe

With one GPU and 16 cores, three groups of at most ten minutes (estimated from CPU times, not yet tried); M stands for
`python -m dbexp.mini.pretrain`. `minutes` counts from the command's start; a first command without `steps` plans as
many as fit into it and keeps the plan. The small models leave most of a GPU idle, so they train side by side:

    M pictures out=R num=100000                                              # 2.5 minutes on 16 cores, 6.3 GB
    (M clip out=R minutes=5 & M clip_2 out=R minutes=5 & M vae out=R minutes=6 batch_size=128 lr=2e-3 & wait)

    (M unet_sd out=R minutes=8.5 batch_size=512 lr=1e-3 & M judge out=R minutes=5 batch_size=512 &
     M unet_sdxl out=R minutes=9 batch_size=256 & M oracle out=R minutes=5 batch_size=256 & wait)

    M vae_sheet out=R; M mini_sd15 out=R; M mini_sdxl out=R; M dino out=R minutes=4 batch_size=256
    M scores out=R; M base_sheet out=R model=mini_sd15; M base_sheet out=R model=mini_sdxl

On two cores, in the background, in bfloat16 where the processor has it (bf16=false where it has not). What the shipped
weights took is in weights/README.md. Measured, ms a picture: vae 10 (48 pixels, two threads), clip 1.2, judge 4.5,
oracle 4.5 (one thread), unet_sd 8 (two threads) or 13 (one):

    M pictures out=R num=40000                                               # 5 minutes
    M vae out=R steps=9000 batch_size=32 crop=48 lr=1.5e-3                   # 50 minutes, 27.3 dB
    M clip out=R steps=2600 batch_size=256 lr=1e-3                           # 13 minutes; clip_2 about the same
    M judge out=R steps=3600 batch_size=128 lr=1.5e-3                        # half an hour, wants more
    M oracle out=R steps=13000 batch_size=64 lr=2e-3 worn=0.125              # an hour
    M unet_sd out=R steps=20000 batch_size=32 lr=1e-3                        # 90 minutes; start=CHECKPOINT adds a cycle
    M dino out=R steps=4200 small_views=1                                    # half an hour
    M unet_sdxl out=R steps=2500 batch_size=32 lr=6e-4 compile=true          # half an hour; wants more

Why eight latent channels: the best linear code of 4x4 pixels keeps 20.8 dB (worst picture 15.3) of this world in four
numbers and 23.9 (17.7) in eight; a network gains some dB on that, and everything inherits what is lost here.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dbexp import quiet
from dbexp.mini.pretrain.assemble import write_sd, write_sdxl
from dbexp.mini.pretrain.clip import ClipOptions, ClipTask, JudgeOptions, SecondClipOptions
from dbexp.mini.pretrain.dino import DinoOptions, DinoTask
from dbexp.mini.pretrain.loop import fit
from dbexp.mini.pretrain.options import read_options
from dbexp.mini.pretrain.pictures import DrawOptions, Pictures, draw_pictures
from dbexp.mini.pretrain.reader import ReaderOptions, ReaderTask
from dbexp.mini.pretrain.scores import ScoreOptions, scores
from dbexp.mini.pretrain.sheets import BaseSheetOptions, VaeSheetOptions, base_sheet, vae_sheet
from dbexp.mini.pretrain.task import Task, TrainOptions, device
from dbexp.mini.pretrain.unet import LargeUnetOptions, UnetOptions, UnetTask
from dbexp.mini.pretrain.vae import VaeOptions, VaeTask

# what -> its options, and how its task is made
TRAININGS: dict[str, tuple[type[TrainOptions], Callable[..., Task]]] = {
    "vae": (VaeOptions, lambda root, pictures, options: VaeTask(pictures, options)),
    "clip": (ClipOptions, lambda root, pictures, options: ClipTask(pictures, options)),
    "clip_2": (SecondClipOptions, lambda root, pictures, options: ClipTask(pictures, options)),
    "judge": (JudgeOptions, lambda root, pictures, options: ClipTask(pictures, options)),
    "dino": (DinoOptions, lambda root, pictures, options: DinoTask(pictures, options)),
    "oracle": (ReaderOptions, ReaderTask),
    "unet_sd": (UnetOptions, UnetTask),
    "unet_sdxl": (LargeUnetOptions, UnetTask),
}
# what else can be done; each returns what is to be told
COMMANDS: dict[str, Callable[[Path, list[str]], object]] = {
    "pictures": lambda root, words: draw_pictures(root / "pictures", read_options(DrawOptions, words)),
    "mini_sd15": lambda root, words: write_sd(root),
    "mini_sdxl": lambda root, words: write_sdxl(root),
    "vae_sheet": lambda root, words: vae_sheet(root, read_options(VaeSheetOptions, words)),
    "base_sheet": lambda root, words: base_sheet(root, read_options(BaseSheetOptions, words)),
    "scores": lambda root, words: scores(root, read_options(ScoreOptions, words)),
}


def train(what: str, root: Path, words: list[str]) -> None:
    """Train root/what, with its checkpoint in root/checkpoints."""
    begun = time.monotonic()
    kind, make = TRAININGS[what]
    options = read_options(kind, words)
    task = make(root, Pictures(root / "pictures", device()), options)
    fit(task, root / what, root / "checkpoints" / f"{what}.ckpt", options, begun)


def main(words: list[str]) -> None:
    """Do one command.

    Raises:
        ValueError: what was asked for cannot be done; says what to do.
    """
    if not words or "--help" in words:
        return print(__doc__)
    what, *rest = words
    roots = [word.removeprefix("out=") for word in rest if word.startswith("out=")]
    rest = [word for word in rest if not word.startswith("out=")]
    if len(roots) != 1:
        raise ValueError("give out=FOLDER")
    root = Path(roots[0])
    if what in TRAININGS:
        train(what, root, rest)
    elif what in COMMANDS:
        told = COMMANDS[what](root, rest)
        print(json.dumps(told, indent=1) if isinstance(told, dict) else told, flush=True)
    else:
        raise ValueError(f"{what!r} is not one of {', '.join((*TRAININGS, *COMMANDS))}")


if __name__ == "__main__":
    quiet.libraries()
    try:
        main(sys.argv[1:])
    except ValueError as problem:
        print(problem, file=sys.stderr)
        raise SystemExit(2) from None
