"""DreamBooth as a LightningModule: the paper's training paragraph.

It does not know which family, tuning, prior or optimizer it has.
"""

from collections.abc import Callable
from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dbexp.data import draws
from dbexp.data.batch import Batch
from dbexp.diffusion.loss import Objective, combine_sets, mean_of
from dbexp.diffusion.schedule import add_noise
from dbexp.errors import UserError
from dbexp.family.base import Family
from dbexp.family.states import Conditioning
from dbexp.prior.base import Prior
from dbexp.tune.base import Tune

Predict = Callable[[Tensor, Tensor, Conditioning], Tensor]


class DreamBoothModule(LightningModule):
    """One training step of DreamBooth (section 3, arXiv 2208.12242).

    Args:
        family: the model, already prepared by `tune`.
        tune: which weights learn, and how text is read in training.
        prior: what keeps the class alive.
        objective: parametrisation and weighting of the loss.
        make_optimizer: parameters that learn -> (optimizer, its schedule by optimizer step).
        gradient_clip_val: largest norm of all gradients together, > 0; None leaves them as they are.
        seed: of the network's own dropout; everything else that is random comes with the batch.
        predict: the family's prediction in another way, for training steps; None takes `family.predict`.
    """

    def __init__(
        self,
        family: Family,
        tune: Tune,
        prior: Prior,
        objective: Objective,
        make_optimizer: Callable[[], tuple[Optimizer, LRScheduler]],
        gradient_clip_val: float | None,
        seed: int,
        predict: Predict | None = None,
    ) -> None:
        super().__init__()
        self.strict_loading = False  # checkpoints hold what learns; on_load_checkpoint compares the names
        self.family, self.tune, self.prior, self.objective = family, tune, prior, objective
        self.make_optimizer, self.gradient_clip_val, self.seed = make_optimizer, gradient_clip_val, seed
        self.predict: Predict = predict or family.predict
        # a part of the module, so that it goes where the family goes
        self.base = tune.keep_base(family) if prior.needs_base else None

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """The loss of one micro-batch and, beside it, its two terms as they are before λ, "instance_loss" and
        "prior_loss", and each sample's own, "per_sample", shape (B,).
        """
        per_sample = self.per_sample(batch, self.predict)
        loss = combine_sets(per_sample, batch.is_prior, self.prior.weight) + self.prior.penalty(self.drift)
        terms = per_sample.detach()
        instance_loss, prior_loss = mean_of(terms, ~batch.is_prior), mean_of(terms, batch.is_prior)
        told = {"total": loss.detach(), "instance_loss": instance_loss, "prior_loss": prior_loss, "per_sample": terms}
        return {"loss": loss, **told}

    def per_sample(self, batch: Batch, predict: Predict) -> Tensor:
        """Each sample's weighted squared error, averaged over channels and pixels, shape (B,)."""
        alpha_bar = self.objective.schedule.at(batch.timesteps)
        latents = self.family.to_latents(batch)
        noisy_latents = add_noise(latents, batch.noise, alpha_bar)
        target = self.prior.target(
            self.objective.target(latents, batch.noise, alpha_bar),
            batch.is_prior,
            lambda rows: self.base_prediction(batch.rows(rows), noisy_latents[rows]),
        )
        text = self.tune.encode_text(self.family, batch.prompts)
        model_pred = predict(noisy_latents, batch.timesteps, self.family.condition(text, batch.sizes))
        return self.objective.per_sample(model_pred, target, alpha_bar)

    @torch.no_grad()
    def base_prediction(self, batch: Batch, noisy_latents: Tensor) -> Tensor:
        """What the base model, as it was before training, predicts of these samples, shape (B, C, h, w)."""
        with self.tune.at_base(self.family):
            text = self.tune.encode_text(self.family, batch.prompts)
            return self.family.predict(noisy_latents, batch.timesteps, self.family.condition(text, batch.sizes))

    def drift(self) -> Tensor:
        """Squared L2 distance of the weights that act from those of the base, a scalar."""
        return self.tune.drift(self.family)

    def term_gradients(self, batch: Batch) -> dict[str, float]:
        """How the two terms pull at the weights that learn, before λ and clipping: the norms of their gradients and,
        where both are there, the cosine between them (1: the same way, -1: against each other). Takes no step and
        leaves gradients, weights and batch as they are.
        """
        with torch.enable_grad():
            per_sample = self.per_sample(batch, self.family.predict)
        weights = [weight for weight in self.parameters() if weight.requires_grad]
        pulls: dict[str, list[Tensor]] = {}
        for name, rows in (("instance", ~batch.is_prior), ("prior", batch.is_prior)):
            if rows.any():
                found = torch.autograd.grad(mean_of(per_sample, rows), weights, retain_graph=True, allow_unused=True)
                pulls[name] = [torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)]
        norms = {name: torch.stack(torch._foreach_norm(pull)).norm() for name, pull in pulls.items()}
        told = {f"{name}_grad_norm": float(norm) for name, norm in norms.items()}
        if len(pulls) == 2:
            product = torch.stack([(a * b).sum() for a, b in zip(*pulls.values(), strict=True)]).sum()
            told["grad_cosine"] = float(product / (norms["instance"] * norms["prior"]).clamp(min=1e-30))
        return told

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the weights that learn and no other."""
        learning = {name for name, weight in self.named_parameters() if weight.requires_grad}
        weights = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: weights[name] for name in weights if name in learning}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Compare the names, since nobody else does: Lightning is told that some may be missing.

        Raises:
            UserError: the checkpoint has other weights than those that learn.
        """
        learning = {name for name, weight in self.named_parameters() if weight.requires_grad}
        if other := learning ^ checkpoint["state_dict"].keys():
            raise UserError(
                f"the checkpoint is not of this training: {len(other)} weights, such as {min(other)}, learn in only one"
                " of them; leave run_dir out for a new run"
            )

    def learning_parameters(self) -> list[Tensor]:
        """Every weight that learns."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The optimizer over float32 weights and its schedule, one step of it an optimizer step."""
        wrong = {parameter.dtype for parameter in self.learning_parameters() if parameter.dtype != torch.float32}
        # in bfloat16 most weights would not move at these learning rates
        assert not wrong, f"weights that learn must be float32, found {wrong}"
        optimizer, schedule = self.make_optimizer()
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """Take the step and let the gradients go: Lightning would keep them beside the next step's activations."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        optimizer.zero_grad(set_to_none=True)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip here: Lightning's own refuses fused optimizers under mixed precision, where unscaled gradients need no
        such care.
        """
        if self.gradient_clip_val is not None:
            torch.nn.utils.clip_grad_norm_(self.learning_parameters(), self.gradient_clip_val)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Dropout draws from the global generator: seed it by (seed, micro-step, rank), so that a resumed run draws the
        same.
        """
        torch.manual_seed(draws.generator(self.seed, "dropout", batch_idx, f"rank {self.global_rank}").initial_seed())
