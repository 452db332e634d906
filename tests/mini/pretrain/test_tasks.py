"""Every task learns, resumes bit for bit and has laws of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.mini.oracle import WORDS
from dbexp.mini.pretrain.__main__ import TRAININGS
from dbexp.mini.pretrain.clip import Truths, contrast
from dbexp.mini.pretrain.dino import TEACHER_TEMPERATURE, sinkhorn, view
from dbexp.mini.pretrain.latents import one_of, varied
from dbexp.mini.pretrain.loop import Run
from dbexp.mini.pretrain.options import read_options
from dbexp.mini.pretrain.pictures import Pictures
from dbexp.mini.pretrain.task import Draws, Task, TrainOptions
from dbexp.mini.pretrain.unet import Texts
from dbexp.mini.pretrain.vae import reconstruction
from dbexp.mini.world import captions

CPU = torch.device("cpu")
SMALL_CLIP = ["width=32", "layers=1", "vision_width=32", "vision_layers=1", "patch=16", "projection=16"]
SMALL = {
    "vae": ["channels=8,16", "crop=32"],
    "clip": SMALL_CLIP,
    "clip_2": SMALL_CLIP,
    "judge": SMALL_CLIP,
    "dino": ["width=32", "layers=1", "prototypes=16", "small_views=1", "lr=2e-3"],
    "oracle": ["channels=8,16,16,16", "depths=1,1,1,1", "lr=3e-3"],
    "unet_sd": ["channels=16,32", "transformers=1,1"],
    "unet_sdxl": ["channels=16,32", "transformers=1,1"],
}


def maker(what: str, root: Path, pictures: Pictures) -> tuple[Callable[[], Task], TrainOptions]:
    kind, make = TRAININGS[what]
    options = read_options(kind, ["steps=60", "batch_size=4", "warmup=5", *SMALL[what]])
    return (lambda: make(root, pictures, options)), options


@pytest.mark.parametrize("what", SMALL)
def test_a_task_learns(what: str, trained: Path, pictures: Pictures) -> None:
    make, options = maker(what, trained, pictures)
    run = Run(make(), replace(options, lr=3e-3))
    first = sum(float(run.task.losses(Draws(9, k, CPU), run.mean.module)["loss"].detach()) for k in range(4))
    for _ in range(25):
        run.advance()
    last = sum(float(run.task.losses(Draws(9, k, CPU), run.mean.module)["loss"].detach()) for k in range(4))
    assert last < first


@pytest.mark.parametrize("what", SMALL)
def test_a_task_runs_under_bfloat16_autocast_as_on_a_gpu(what: str, trained: Path, pictures: Pictures) -> None:
    task = maker(what, trained, pictures)[0]()
    with torch.autocast("cpu", torch.bfloat16):
        losses = task.losses(Draws(0, 1, CPU), task.network)
    assert losses["loss"].dtype == torch.float32 and torch.isfinite(losses["loss"])
    losses["loss"].backward()
    grads = [weight.grad for weight in task.network.parameters() if weight.grad is not None]
    assert grads and all(torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("what", SMALL)
def test_a_resumed_task_is_bit_equal(what: str, trained: Path, pictures: Pictures, tmp_path: Path) -> None:
    make, options = maker(what, trained, pictures)
    whole, before, after = Run(make(), options), Run(make(), options), Run(make(), options)
    for _ in range(4):
        whole.advance()
    for _ in range(2):
        before.advance()
    torch.save(before.state(), tmp_path / "c.ckpt")
    after.resume(tmp_path / "c.ckpt")
    for _ in range(2):
        after.advance()
    for part in ("network", "mean"):
        one, two = whole.state()[part], after.state()[part]
        assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_truths_that_differ_in_one_word_or_in_whether_it_shows_are_told_apart() -> None:
    tower = Truths(16)
    label = torch.zeros(1, len(WORDS), dtype=torch.long)
    others = [label.index_fill(1, torch.tensor([k]), word) for k in range(len(WORDS)) for word in (-1, 1)]
    rows = tower(torch.cat([label, *others]))
    torch.testing.assert_close(rows.norm(dim=-1), torch.ones(len(rows)))
    assert (rows @ rows.T - torch.eye(len(rows))).max() < 0.9999


def test_a_text_tower_learns_without_looking_at_a_picture(trained: Path, pictures: Pictures) -> None:
    class Blind(Pictures):
        def pixel_values(self, numbers: torch.Tensor, size: int) -> torch.Tensor:
            raise AssertionError("a picture was looked at")

    blind = Blind(pictures.folder, CPU)
    for what in ("clip", "clip_2"):
        maker(what, trained, blind)[0]().losses(Draws(0, 0, CPU), torch.nn.Identity())["loss"].backward()
    with pytest.raises(AssertionError, match="looked at"):
        maker("judge", trained, blind)[0]().losses(Draws(0, 0, CPU), torch.nn.Identity())


def test_captions_are_dropped_as_often_as_asked_and_become_what_pipelines_use(trained: Path) -> None:
    for large in (False, True):
        texts = Texts(trained, large, CPU)
        ids = texts.empty.repeat(4000, 1)
        drawn = Draws(0, 0, CPU).uniform(4000) < 0.1
        assert 0.08 < float(drawn.float().mean()) < 0.12
        said = texts.say(ids[:6], torch.tensor([True, False] * 3))
        if large:
            assert said.pooled is not None and not said.states[0].any() and not said.pooled[0].any()
            assert said.states[1].any() and said.pooled[1].any()
        else:
            assert torch.equal(said.states[0], said.states[1])


@pytest.mark.parametrize("large", [False, True])
def test_the_unet_is_told_what_the_family_says_later(large: bool, trained: Path, pictures: Pictures) -> None:
    name = "mini_sdxl" if large else "mini_sd15"
    family = (SDXLSource if large else SDSource)(str(trained / name)).load()
    prompts = [captions(scene)[0] for scene in pictures.scenes([3, 4])]
    ids = pictures.input_ids(torch.tensor([3, 4]), torch.zeros(2).long())
    ours = Texts(trained, large, CPU).say(ids, torch.zeros(2).bool())
    theirs = family.encode_text(prompts)
    torch.testing.assert_close(ours.states, theirs.hidden_states)
    if large:
        torch.testing.assert_close(ours.pooled, theirs.pooled)


def test_crop_ids_say_which_crop_was_made() -> None:
    ramp = torch.arange(128.0).repeat(128, 1) / 127
    picture = torch.stack([ramp, ramp.t(), torch.zeros_like(ramp)])[None]
    # scaled to 128, so not resampled: the corner's colours are its place
    part, sizes = one_of(picture, 0.7, 0.999, 0.4, 0.9)
    top, left = sizes[2:4]
    assert sizes[:2] == [128, 128] and sizes[4:] == [96, 96] and top != left
    assert torch.equal(part, picture[..., top : top + 96, left : left + 96])


def test_sizes_are_really_varied_and_small_originals_blurred(pictures: Pictures) -> None:
    numbers = torch.arange(96)
    seen, sizes = varied(pictures, numbers, Draws(3, 0, CPU))
    assert seen.shape == (96, 3, 96, 96) and len(sizes.unique(dim=0)) > 60
    assert (sizes[:, 4:] == 96).all() and (sizes[:, 2:4].amax(1) <= 32).all()
    assert 0.4 < float((sizes[:, 0] >= 96).float().mean()) < 0.95
    edges = seen.diff(dim=-1).abs().mean((1, 2, 3))
    whole, small = sizes[:, 0] > 128, sizes[:, 0] < 64
    assert edges[small].mean() < edges[whole].mean()


def test_the_same_caption_counts_as_right() -> None:
    logits = torch.tensor([[5.0, 5.0, 0.0], [5.0, 5.0, 0.0], [0.0, 0.0, 9.0]])
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]]).bool()
    assert contrast(logits, same) < contrast(logits, torch.eye(3).bool()) + 1e-6
    torch.testing.assert_close(contrast(4 * logits, torch.eye(3).bool())[None], torch.tensor([2 / 3 * 0.693147]))


def test_shares_of_prototypes_sum_to_one_and_are_spread() -> None:
    scores = 2 * TEACHER_TEMPERATURE * torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    shares = sinkhorn(scores)
    torch.testing.assert_close(shares.sum(1), torch.ones(64))
    assert shares.mean(0).max() < 0.16
    again = sinkhorn(torch.randn(64, 8) * 0 + torch.eye(8)[0])
    assert torch.isfinite(again).all()


def test_a_view_of_everything_is_the_picture_in_other_light() -> None:
    gradient = torch.linspace(-0.5, 0.5, 64).repeat(1, 3, 64, 1)
    seen = view(gradient, Draws(2, 0, CPU), 64, 1.0, 1.0)[0, 0, 10]
    steps = seen.diff()
    torch.testing.assert_close(steps, steps.mean().expand(63), atol=1e-4, rtol=1e-3)


def test_reconstruction_is_zero_only_for_the_picture_itself() -> None:
    seen = torch.rand(2, 3, 8, 8)
    assert reconstruction(seen, seen, 1, 1) == 0
    torch.testing.assert_close(reconstruction(seen + 0.1, seen, 1, 1), torch.tensor(0.41))
