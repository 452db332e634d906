"""A recorded prediction trains like one that is not: with a recording of processor passes that behaves as CUDA's does,
and with CUDA's own where there is a GPU.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dbexp.__main__ import main
from dbexp.family.base import Family
from dbexp.family.sd import SDSource
from dbexp.family.sdxl import SDXLSource
from dbexp.graphs import GraphedPredict, OwnGradients
from dbexp.module import Predict
from dbexp.training import part_of_each_step
from dbexp.tune.full import FullTune

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


class Recorder:
    """Stands for torch.cuda.make_graphed_callables: inputs, outputs and gradients have places of their own, a backward
    pass writes over the gradients of the one before, and a forward pass already uses their memory for something else.
    """

    def __init__(self) -> None:
        self.recordings = 0

    def __call__(self, module: nn.Module, still: tuple[Tensor, ...], allow_unused_input: bool) -> Any:
        self.recordings += 1
        places: dict[int, Tensor] = {}
        surface = (*still, *module.parameters())

        class Played(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Tensor) -> Tensor:
                for place in places.values():
                    place.fill_(torch.nan)
                with torch.no_grad():
                    for kept, given in zip(still, inputs, strict=False):
                        kept.copy_(given)
                with torch.enable_grad():
                    ctx.output = module(*still)
                output: Tensor = ctx.output.detach()
                return output

            @staticmethod
            def backward(ctx: Any, *grads: Tensor) -> Any:
                asked = [each for each in surface if each.requires_grad]
                found = iter(torch.autograd.grad(ctx.output, asked, grads, allow_unused=allow_unused_input))
                told: list[Tensor | None] = []
                for number, each in enumerate(surface):
                    new = next(found) if each.requires_grad else None
                    if new is not None:
                        new = places.setdefault(number, torch.empty_like(new)).copy_(new)
                    told.append(None if new is None else new.detach())
                return tuple(told)

        return lambda *inputs: Played.apply(*inputs, *module.parameters())


class Small(LightningModule):
    """Learns the UNet by some prediction, with a text state that learns too."""

    def __init__(self, family: Family, predict: Predict) -> None:
        super().__init__()
        self.family, self.predict = family, predict
        self.states = nn.Parameter(family.encode_text(["a red backpack"]).hidden_states.detach().clone())
        family.unet.requires_grad_(True)

    def training_step(self, noise: Tensor, batch_idx: int) -> Tensor:
        text = self.family.encode_text(["a red backpack"])
        sizes = torch.full((1, 6), 64.0, device=noise.device)
        conditioning = self.family.condition(type(text)(self.states, text.pooled), sizes)
        timesteps = torch.tensor([7 + batch_idx], device=noise.device)
        return self.predict(noise, timesteps, conditioning).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([w for w in self.parameters() if w.requires_grad], lr=0.05)


def trained(
    family: Family, predict: Predict, callbacks: list[Callback], accumulate: int, accelerator: str = "cpu"
) -> dict[str, Tensor]:
    """The weights after two optimizer steps."""
    module = Small(family, predict)
    shape = (family.latent_channels, 8, 8)
    noise = [torch.randn(shape, generator=torch.Generator().manual_seed(n)) for n in range(2 * accumulate)]
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        max_steps=2,
        accumulate_grad_batches=accumulate,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    trainer.fit(module, DataLoader(noise))  # type: ignore[arg-type]  # a list is a dataset
    return {name: weight.detach().cpu() for name, weight in module.named_parameters() if weight.requires_grad}


def load(kind: str, folder: Path) -> Family:
    return (SDSource if kind == "sd" else SDXLSource)(str(folder)).load()


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_a_recorded_prediction_trains_as_the_prediction_does(
    kind: str, accumulate: int, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    family = load(kind, tiny(kind))
    plain = trained(family, family.predict, [], accumulate)
    family = load(kind, tiny(kind))
    played = trained(family, GraphedPredict(family), [OwnGradients()], accumulate)
    assert recorder.recordings == 1
    for name, weight in plain.items():
        torch.testing.assert_close(played[name], weight, msg=lambda told, name=name: f"{name}: {told}")


def test_gradients_left_in_the_recording_are_written_over(tiny_sd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", Recorder())
    family = load("sd", tiny_sd)
    plain = trained(family, family.predict, [], 2)
    family = load("sd", tiny_sd)
    played = trained(family, GraphedPredict(family), [], 2)
    assert any(not torch.allclose(played[name], weight, rtol=1e-3) for name, weight in plain.items())


def test_another_shape_or_place_or_learner_is_another_recording(tiny_sd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    family = load("sd", tiny_sd)
    predict, weight = GraphedPredict(family), next(family.unet.parameters())

    def ask(batch_size: int) -> int:
        text = family.condition(family.encode_text(["a dog"] * batch_size), torch.full((batch_size, 6), 64.0))
        noisy = torch.zeros(batch_size, family.latent_channels, 8, 8)
        assert predict(noisy, torch.zeros(batch_size, dtype=torch.long), text).shape == noisy.shape
        return recorder.recordings

    weight.requires_grad_(True)
    assert [ask(2), ask(2), ask(3), ask(3)] == [1, 1, 2, 2]
    weight.data = weight.data.clone()
    assert [ask(3), ask(3)] == [3, 3]
    weight.requires_grad_(False)
    family.unet.get_parameter("conv_out.weight").requires_grad_(True)
    assert [ask(3), ask(3)] == [4, 4]


@pytest.mark.parametrize(("graphs", "accumulate", "own"), [(True, 1, 0), (True, 2, 1), (False, 2, 0)])
def test_recorded_gradients_are_kept_where_micro_batches_add_up(graphs: bool, accumulate: int, own: int) -> None:
    trainer = SimpleNamespace(cuda_graphs=graphs, accumulate_grad_batches=accumulate)
    config = SimpleNamespace(trainer=trainer, optimizer=SimpleNamespace(text_encoder_stop_step=None))
    job: Any = SimpleNamespace(config=config, experiment=SimpleNamespace(tune=FullTune()))
    assert [type(each) for each in part_of_each_step(job)] == [OwnGradients] * own


@GPU
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("kind", ["sd", "sdxl"])
def test_cudas_own_recording_trains_as_the_prediction_does(kind: str, accumulate: int, tiny: Any) -> None:
    family = load(kind, tiny(kind))
    plain = trained(family, family.predict, [], accumulate, "gpu")
    family = load(kind, tiny(kind))
    played = trained(family, GraphedPredict(family), [OwnGradients()], accumulate, "gpu")
    for name, weight in plain.items():
        torch.testing.assert_close(played[name], weight, rtol=1e-3, atol=1e-5, msg=lambda t, name=name: f"{name}: {t}")


@pytest.mark.parametrize(
    "words",
    [
        ("trainer.accumulate_grad_batches=2",),
        ("tune=lora", "tune.text_encoder=true", "trainer.ema_decay=0.9", "trainer.gradient_clip_val=0.01"),
        ("tune=lora", "prior=prediction"),
        (
            *("prior=anchor", "~prior.num_images", "~prior.sampling"),
            *("tune.text_encoder=true", "optimizer.text_encoder_stop_step=2"),
        ),
        ("tune=textual_inversion", "prior=none", "~prior.num_images", "~prior.sampling"),
    ],
)
def test_a_run_that_is_recorded_ends_as_one_that_is_not(
    words: tuple[str, ...], tiny_sd: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbexp.preflight.machine._impossible", lambda *_: iter(()))  # it wants a GPU
    recorder = Recorder()
    monkeypatch.setattr(torch.cuda, "make_graphed_callables", recorder)
    given = [
        *("+experiment=demo", f"model.checkpoint={tiny_sd}", f"subject.photos={photos}", "logger=none"),
        *("prior.num_images=3", "prior.sampling.num_steps=2", f"cache={tmp_path / 'cache'}", "stages=[prior,train]"),
        *("optimizer.lr=1e-3", "trainer.max_steps=3", *words),
    ]
    ends = []
    for graphs in ("false", "true"):
        assert main([*given, f"run_dir={tmp_path / graphs}", f"trainer.cuda_graphs={graphs}"]) == 0
        ends.append(torch.load(tmp_path / graphs / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"])
    assert recorder.recordings >= 1 and ends[0].keys() == ends[1].keys()
    for name, weight in ends[0].items():
        torch.testing.assert_close(ends[1][name], weight, msg=lambda told, name=name: f"{name}: {told}")
