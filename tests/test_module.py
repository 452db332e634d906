"""DreamBoothModule on tiny checkpoints of both families: what learns, what stays, and what a batch is worth."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR

from dbexp.data.batch import Batch
from dbexp.data.dreambooth import DreamBoothDataModule
from dbexp.data.images import list_images
from dbexp.data.instance import InstanceDataModule
from dbexp.data.loader import MicroSteps, Place
from dbexp.data.prior import PriorDataModule
from dbexp.diffusion.loss import Objective
from dbexp.family.base import Family
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.module import DreamBoothModule
from dbexp.prior.base import Prior
from dbexp.prior.images import ImagesPrior
from dbexp.prior.none import NoPrior
from dbexp.tune.full import FullTune

Algorithm = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def sgd(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups)


@pytest.fixture(scope="session")
def families(tiny_sd: Path, tiny_sdxl: Path) -> dict[str, Family]:
    return {"sd": SDSource(str(tiny_sd)).load(), "sdxl": SDXLSource(str(tiny_sdxl)).load()}


@pytest.fixture(params=["sd", "sdxl"])
def family(request: pytest.FixtureRequest, families: dict[str, Family]) -> Family:
    return copy.deepcopy(families[request.param])


@pytest.fixture
def make_data(photos: Path) -> Callable[..., DreamBoothDataModule]:
    def make(family: Family, batch_size: int = 1, prior_batch_size: int = 1, seed: int = 0) -> DreamBoothDataModule:
        side = family.default_resolution // family.vae_factor
        shared: dict[str, Any] = {
            "resolution": family.default_resolution,
            "background": "white",
            "seed": seed,
            "latent_shape": (family.latent_channels, side, side),
            "num_train_timesteps": family.schedule.num_timesteps,
        }
        found = list_images(photos)
        instance = InstanceDataModule(
            found[:2],
            "a photo of a ohwx backpack",
            fill=str,
            crop="center",
            flip=False,
            batch_size=batch_size,
            **shared,
        )
        if prior_batch_size == 0:
            return DreamBoothDataModule(instance, None)
        paths = [photo.path for photo in found[2:]]
        prior = PriorDataModule(paths, "a photo of a backpack", batch_size=prior_batch_size, **shared)
        return DreamBoothDataModule(instance, prior)

    return make


def make_module(
    family: Family,
    prior: Prior,
    algorithm: Algorithm = sgd,
    lr: float = 1e-2,
    clip: float | None = None,
    text: bool = False,
) -> DreamBoothModule:
    tune = FullTune(text_encoder=text)
    tune.prepare(family)

    def make_optimizer() -> tuple[torch.optim.Optimizer, Any]:
        optimizer = algorithm(tune.parameter_groups(family, lr, None))
        return optimizer, ConstantLR(optimizer, factor=1.0)

    return DreamBoothModule(family, tune, prior, Objective(family.schedule), make_optimizer, clip, seed=0)


def fit(module: DreamBoothModule, data: DreamBoothDataModule, max_steps: int = 1, **arguments: Any) -> Trainer:
    trainer = Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **arguments,
    )
    trainer.fit(module, datamodule=data)
    return trainer


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def batches(data: DreamBoothDataModule, rank: int = 0, world_size: int = 1) -> MicroSteps:
    sets = [part.samples for part in (data.instance, data.prior) if part is not None]
    return MicroSteps(sets, Place(0, rank, world_size))


def gradients(module: DreamBoothModule, batch: Batch) -> list[Tensor]:
    loss = module.training_step(batch, 0)["loss"]
    return list(torch.autograd.grad(loss, [p for p in module.parameters() if p.requires_grad]))


@pytest.mark.parametrize("text", [False, True])
def test_a_step_changes_what_learns_and_not_one_bit_of_the_rest(
    family: Family, make_data: Callable[..., DreamBoothDataModule], text: bool
) -> None:
    module = make_module(family, ImagesPrior(), text=text)
    learning = {name for name, parameter in family.named_parameters() if parameter.requires_grad}
    before = weights(family)
    fit(module, make_data(family))
    after = weights(family)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed <= learning
    assert all(name.startswith(("unet.", "text_encoders.") if text else "unet.") for name in changed)
    assert any(name.startswith("unet.down") for name in changed)
    assert any(name.startswith("text_encoders.0") for name in changed) is text
    assert any(name.startswith(f"text_encoders.{len(family.text_encoders) - 1}") for name in changed) is text


def test_every_weight_that_learns_receives_a_gradient(
    family: Family, make_data: Callable[..., DreamBoothDataModule]
) -> None:
    module = make_module(family, ImagesPrior(), text=True)
    module.training_step(batches(make_data(family)).at(0), 0)["loss"].backward()
    without = [name for name, p in family.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_one_batch_overfits(family: Family, make_data: Callable[..., DreamBoothDataModule]) -> None:
    module = make_module(family, ImagesPrior())
    batch = batches(make_data(family)).at(0)
    optimizer = torch.optim.AdamW(module.learning_parameters(), lr=2e-3)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = module.training_step(batch, 0)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_lambda_zero_trains_as_no_prior_does(family: Family, make_data: Callable[..., DreamBoothDataModule]) -> None:
    data = make_data(family, 2, 3)
    with_images = gradients(make_module(family, ImagesPrior(weight=0.0)), batches(data).at(0))
    alone = gradients(make_module(family, NoPrior()), batches(make_data(family, 2, 0)).at(0))
    for ours, theirs in zip(with_images, alone, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_pulls_of_both_terms_make_up_the_gradient_and_are_measured_without_a_trace(
    family: Family, make_data: Callable[..., DreamBoothDataModule]
) -> None:
    prior_weight = 0.3
    module = make_module(family, ImagesPrior(weight=prior_weight))
    batch = batches(make_data(family, 2, 3)).at(0)
    whole = float(torch.stack([each.square().sum() for each in gradients(module, batch)]).sum())
    before = weights(module)
    found = module.term_gradients(batch)
    one, two = found["instance_grad_norm"], prior_weight * found["prior_grad_norm"]
    assert one**2 + two**2 + 2 * one * two * found["grad_cosine"] == pytest.approx(whole, rel=1e-3)
    assert -1 <= found["grad_cosine"] <= 1
    assert all(weight.grad is None for weight in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    alone = batches(make_data(family, 2, 0)).at(0)
    assert make_module(family, NoPrior()).term_gradients(alone).keys() == {"instance_grad_norm"}


def test_batch_of_four_is_two_accumulated_is_two_ranks(
    families: dict[str, Family], make_data: Callable[..., DreamBoothDataModule]
) -> None:
    family = families["sdxl"]
    module = make_module(family, ImagesPrior(weight=0.5))
    whole = gradients(module, batches(make_data(family, 4, 4)).at(0))
    halves = make_data(family, 2, 2)
    accumulated = [gradients(module, batches(halves).at(micro_step)) for micro_step in (0, 1)]
    ranks = [gradients(module, batches(halves, rank, world_size=2).at(0)) for rank in (0, 1)]
    quarters = make_data(family, 1, 1)
    both = [gradients(module, batches(quarters, rank, 2).at(step)) for step in (0, 1) for rank in (0, 1)]
    for parts in (accumulated, ranks, both):
        for position, gradient in enumerate(whole):
            mean = torch.stack([part[position] for part in parts]).mean(0)
            assert torch.allclose(mean, gradient, atol=2e-5 * max(1.0, float(gradient.abs().max())))


def test_accumulating_in_the_trainer_is_one_large_batch(
    families: dict[str, Family], make_data: Callable[..., DreamBoothDataModule]
) -> None:
    large, small = copy.deepcopy(families["sd"]), copy.deepcopy(families["sd"])
    fit(make_module(large, ImagesPrior()), make_data(large, 4, 2), max_steps=2)
    trainer = fit(make_module(small, ImagesPrior()), make_data(small, 2, 1), max_steps=2, accumulate_grad_batches=2)
    assert trainer.global_step == 2
    for ours, theirs in zip(small.unet.parameters(), large.unet.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_gradient_checkpointing_changes_memory_only(
    family: Family, make_data: Callable[..., DreamBoothDataModule]
) -> None:
    module = make_module(family, ImagesPrior(), text=True)
    batch = batches(make_data(family)).at(0)
    plain = gradients(module, batch)
    family.enable_gradient_checkpointing()
    for ours, theirs in zip(gradients(module, batch), plain, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("fused", [False, True])
def test_every_optimizer_precision_and_clip_takes_a_step(
    families: dict[str, Family],
    make_data: Callable[..., DreamBoothDataModule],
    fused: bool,
    precision: Any,
    clip: float | None,
) -> None:
    family = copy.deepcopy(families["sdxl"])
    module = make_module(family, ImagesPrior(), lambda groups: torch.optim.AdamW(groups, fused=fused), 1e-3, clip)
    before = weights(family.unet)
    fit(module, make_data(family), max_steps=2, precision=precision)
    after = weights(family.unet)
    assert all(value.isfinite().all() for value in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert {parameter.dtype for parameter in module.learning_parameters()} == {torch.float32}


def test_clipping_bounds_the_norm_of_all_gradients_together(
    families: dict[str, Family], make_data: Callable[..., DreamBoothDataModule]
) -> None:
    family = copy.deepcopy(families["sd"])
    before = weights(family.unet)
    fit(make_module(family, ImagesPrior(), lr=1.0, clip=1e-3, text=True), make_data(family))
    moved = sum(float((value - before[name]).square().sum()) for name, value in family.unet.state_dict().items())
    assert 0 < moved**0.5 <= 1.0001e-3


def test_weights_that_learn_in_bfloat16_are_refused(families: dict[str, Family]) -> None:
    family = copy.deepcopy(families["sd"])
    family.unet.to(torch.bfloat16)
    with pytest.raises(AssertionError, match="float32"):
        make_module(family, NoPrior()).configure_optimizers()


def test_frozen_text_is_read_once_and_stays_right(families: dict[str, Family]) -> None:
    family, tune = families["sdxl"], FullTune()
    prompts = ["a photo of a ohwx backpack", "a photo of a backpack", "a photo of a ohwx backpack"]
    states, fresh = tune.encode_text(family, prompts), family.encode_text(prompts)
    assert torch.allclose(states.hidden_states, fresh.hidden_states, atol=1e-5)
    assert states.pooled is not None and fresh.pooled is not None
    assert torch.allclose(states.pooled, fresh.pooled, atol=1e-5)
    calls: list[Any] = []
    family.text_encoders[0].register_forward_pre_hook(lambda *_: calls.append(1))
    tune.encode_text(family, prompts)
    assert calls == []


def test_the_networks_own_dropout_is_drawn_by_step_and_rank(
    families: dict[str, Family], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = make_module(families["sd"], NoPrior())
    draws: dict[tuple[int, int], Tensor] = {}
    for step, rank in ((0, 0), (1, 0), (0, 1)):
        monkeypatch.setattr(DreamBoothModule, "global_rank", rank)
        for _ in range(2):  # a second time, as after a restart
            module.on_train_batch_start(None, step)
            draw = torch.rand(3)
            assert torch.equal(draws.setdefault((step, rank), draw), draw)
    assert len({tuple(draw.tolist()) for draw in draws.values()}) == 3


def test_no_gradient_lies_beside_the_next_steps_activations(
    family: Family, make_data: Callable[..., DreamBoothDataModule], monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    reached = DreamBoothModule.training_step

    def look(self: DreamBoothModule, *arguments: Any) -> Any:
        held.append(any(weight.grad is not None for weight in self.parameters()))
        return reached(self, *arguments)

    monkeypatch.setattr(DreamBoothModule, "training_step", look)
    fit(make_module(family, ImagesPrior(1.0)), make_data(family), max_steps=2, accumulate_grad_batches=2)
    assert held == [False, True, False, True]
