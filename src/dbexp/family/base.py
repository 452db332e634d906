"""What every family offers to the rest of the house: latents, pictures, text states, predictions, a pipeline.

It knows no particular family, no files and no training; each family's facts are read off the loaded checkpoint,
never assumed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import torch
from diffusers import DDPMScheduler, DiffusionPipeline, SchedulerMixin, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from transformers import BatchEncoding, CLIPTokenizer, PreTrainedModel

from dbexp.diffusion.schedule import NoiseSchedule
from dbexp.family.facts import default_resolution, vae_factor
from dbexp.family.latents import LatentSpace
from dbexp.family.states import Conditioning, TextStates
from dbexp.family.tokens import TokenTable, add_words, expand, token_names, words_merged


class Family(LatentSpace, ABC):
    """A diffusion model in memory: UNet, VAE, text encoders and their tokenizers, and its noise schedule.

    A checkpoint without a VAE works on pixels: its latents are the pictures themselves.

    Attributes:
        unet, vae: the networks; vae is always float32, and None while it is not in memory, or where there is none.
        text_encoders, tokenizers: one or two, in the checkpoint's order; no encoders while they are not in memory.
        schedule: the forward process and what the UNet predicts.
        scheduler_config: the checkpoint's own scheduler config, for building samplers.
        vae_factor: pixels per latent, along one side.
        latent_channels: channels of a latent.
        default_resolution: side in pixels of the pictures the checkpoint was trained on.
    """

    pipeline_class: ClassVar[type[DiffusionPipeline]]
    encoder_names: ClassVar[tuple[str, ...]]
    tokenizer_names: ClassVar[tuple[str, ...]]
    tokenizer_class: ClassVar[Any] = CLIPTokenizer
    adapted: ClassVar[tuple[str, ...]]  # networks whose adapters the pipeline's load_lora_weights reads
    # what each network's adapters are called outside diffusers; {} where no other program knows the family
    kohya_prefixes: ClassVar[dict[str, str]] = {}
    # of each encoder's vectors in an embeddings file; None: the word; () where the pipeline takes no new words
    embedding_keys: ClassVar[tuple[str | None, ...]] = ()
    scheduler_settings: ClassVar[dict[str, Any]] = {}  # what stands in place of the scheduler config's own
    calling: ClassVar[dict[str, Any]] = {}  # arguments with which the pipeline reads prompts as `encode_text` does
    output_type: ClassVar[str] = "latent"  # the pipeline's name for what `decode` takes

    def __init__(self, pipeline: DiffusionPipeline) -> None:
        """Take the modules of a loaded pipeline, and set each text encoder's end-of-text id to its tokenizer's."""
        components = pipeline.components
        super().__init__(components.get("vae"))
        self.unet: UNet2DConditionModel = components["unet"]
        self.text_encoders = nn.ModuleList([components[name] for name in self.encoder_names])
        self.tokenizers: list[CLIPTokenizer] = [components[name] for name in self.tokenizer_names]
        self.scheduler: SchedulerMixin = components["scheduler"]
        self.scheduler_config: dict[str, Any] = {**components["scheduler"].config, **self.scheduler_settings}
        forward_process = DDPMScheduler.from_config(self.scheduler_config)
        self.schedule = NoiseSchedule(forward_process.alphas_cumprod, forward_process.config.prediction_type)
        self.vae_factor = vae_factor(self.vae_config)
        self.latent_channels = int(self.unet.config.in_channels)
        self.default_resolution = default_resolution(self.unet.config, self.vae_config)
        self._settle_encoders()

    @abstractmethod
    def encode_text(self, prompts: Sequence[str]) -> TextStates:
        """The text states of B prompts, each padded to the tokenizer's length; gradients flow where encoders train."""

    @abstractmethod
    def condition(self, text: TextStates, sizes: Tensor) -> Conditioning:
        """What the UNet is told.

        Args:
            text: states of B prompts.
            sizes: (orig_h, orig_w, crop_top, crop_left, target_h, target_w) in pixels, shape (B, 6); kept in
                float32, because bfloat16 cannot tell 516 from 517.
        """

    @classmethod
    def max_tokens(cls, tokenizer: Any) -> int:
        """Tokens that the model reads of a prompt, with those that mark its ends."""
        return int(tokenizer.model_max_length)

    @classmethod
    def unread(cls, name: str, encoder: nn.Module) -> list[str]:
        """Names of a text encoder's parts that lie behind the states that are used.

        Args:
            name: of the encoder in the checkpoint.
        """
        return []

    def text_parameters(self) -> list[nn.Parameter]:
        """The text encoders' parameters that reach the output; the others would get no gradient, which DDP refuses."""
        unused: set[nn.Parameter] = set()
        for name, encoder in zip(self.encoder_names, self.text_encoders, strict=True):
            for part in self.unread(name, encoder):
                unused |= {*encoder.get_submodule(part).parameters()}
        return [parameter for parameter in self.text_encoders.parameters() if parameter not in unused]

    def add_tokens(self, token: str, num_vectors: int, initializer: str) -> None:
        """Give every text encoder a new word of so many vectors; prompts that name it are read with all of them.

        Raises:
            UserError: the word is an entry already, or the initializer is no word.
        """
        for encoder, tokenizer in zip(self.text_encoders, self.tokenizers, strict=True):
            add_words(encoder, tokenizer, token_names(token, num_vectors), initializer)

    @property
    def token_tables(self) -> list[TokenTable]:
        """The tables with new words, one an encoder; [] before any was added."""
        encoders: Any = self.text_encoders
        tables = [encoder.get_input_embeddings() for encoder in encoders]
        return [table for table in tables if isinstance(table, TokenTable)]

    @contextmanager
    def tokens_merged(self) -> Iterator[None]:
        """With new words as ordinary rows of the encoders' tables, as plain diffusers keeps them."""
        with ExitStack() as held:
            for encoder in self.text_encoders:
                held.enter_context(words_merged(encoder))
            yield

    @property
    def single_file_prefixes(self) -> dict[str, str]:
        """What each text encoder's names begin with in a single-file checkpoint; ".model." is OpenCLIP's layout, with
        names of its own. {} where the family has no such layout.
        """
        return {}

    @abstractmethod
    def pipeline(self, scheduler: SchedulerMixin | None = None) -> DiffusionPipeline:
        """A diffusers pipeline around these very modules, without safety checker or watermark.

        Args:
            scheduler: the sampler; None builds the checkpoint's own.
        """

    def release(self, names: Collection[str]) -> None:
        """Let networks go from memory: "vae", or all text encoders by their names; `attach` brings them back."""
        if "vae" in names:
            self.release_vae()
        if encoders := set(names) - {"vae"}:
            assert encoders == set(self.encoder_names), f"the text encoders go together, not {encoders} alone"
            self.text_encoders = nn.ModuleList()

    @property
    def lacking(self) -> list[str]:
        """Networks that were released, by their names in the checkpoint."""
        vae = [] if self.vae is not None or self.vae_config is None else ["vae"]
        return [*vae, *(() if len(self.text_encoders) else self.encoder_names)]

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        device: torch.device = self.unet.device
        return device

    def attach(self, networks: Mapping[str, nn.Module]) -> None:
        """Take released networks back, frozen and in eval mode.

        Args:
            networks: all that are lacking, by their names in the checkpoint.
        """
        networks = {name: network.eval().requires_grad_(False) for name, network in networks.items()}
        if "vae" in networks:
            self.vae = networks["vae"]
        if set(self.encoder_names) <= networks.keys():
            self.text_encoders = nn.ModuleList([networks[name] for name in self.encoder_names])
            self._settle_encoders()

    def _settle_encoders(self) -> None:
        """What the text encoders need before they read: CLIP's pool at the true end of the text."""
        for encoder, tokenizer in zip(self.text_encoders, self.tokenizers, strict=True):
            pool_at_end_of_text(encoder, tokenizer)

    def predict(self, noisy_latents: Tensor, timesteps: Tensor, conditioning: Conditioning) -> Tensor:
        """The UNet's prediction (ε, v or x_0, as `schedule` says), shape (B, C, h, w); timesteps int64, shape (B,)."""
        model_pred: Tensor = self.unet(
            noisy_latents,
            timesteps,
            encoder_hidden_states=conditioning.encoder_hidden_states,
            added_cond_kwargs=conditioning.added,
        ).sample
        return model_pred

    def compile_blocks(self, backend: str | Callable[..., Any] = "inductor") -> None:
        """Compile the UNet's repeated blocks in place; blocks of one shape share what was compiled. Names, weights and
        what is saved stay as they are.

        Args:
            backend: torch.compile's.
        """
        # torch gives up on a function that comes in more than 8 shapes, and a UNet's blocks come in some 20; they are
        # compiled when they are first asked, so the limit stays raised in this process
        limits: Any = torch._dynamo.config
        limits.recompile_limit = max(limits.recompile_limit, 64)
        for block in self.unet.modules():
            if isinstance(block, ResnetBlock2D | BasicTransformerBlock):
                block.compile(backend=backend)

    def enable_gradient_checkpointing(self) -> None:
        """Recompute activations in the backward pass instead of keeping them; encoders do so only in train mode."""
        self.unet.enable_gradient_checkpointing()
        encoder: Any
        for encoder in self.text_encoders:
            # its name of late: transformers 5.17 knows it by the other one
            name = "activation_checkpointing_enable"
            enable = getattr(encoder, name, None) or encoder.gradient_checkpointing_enable
            enable({"use_reentrant": False})
            # transformers then makes embeddings require a gradient, frozen or not; only the reentrant kind needs that
            encoder.disable_input_require_grads()

    def tokenize(self, prompts: Sequence[str], number: int) -> BatchEncoding:
        """input_ids and attention_mask by tokenizer `number`, cut and padded with its own pad token to the length that
        the model reads, each of shape (B, L).
        """
        tokenizer = self.tokenizers[number]
        return tokenizer(
            [expand(prompt, tokenizer) for prompt in prompts],
            padding="max_length",
            max_length=self.max_tokens(tokenizer),
            truncation=True,
            return_tensors="pt",
        ).to(self.text_encoders[number].device)

    def token_ids(self, prompts: Sequence[str], number: int) -> Tensor:
        """Token ids of `tokenize`, shape (B, L)."""
        token_ids: Tensor = self.tokenize(prompts, number).input_ids
        return token_ids

    def components(self, scheduler: SchedulerMixin | None) -> dict[str, Any]:
        """What a family's pipeline is built from, by diffusers' names."""
        # a new scheduler each time: samplers keep state
        chosen = scheduler or type(self.scheduler).from_config(self.scheduler_config)
        encoders = dict(zip(self.encoder_names, self.text_encoders, strict=True))
        tokenizers = dict(zip(self.tokenizer_names, self.tokenizers, strict=True))
        vae = {} if self.vae_config is None else {"vae": self.vae}
        return {"unet": self.unet, **vae, "scheduler": chosen, **encoders, **tokenizers}


def pool_at_end_of_text(encoder: PreTrainedModel, tokenizer: CLIPTokenizer) -> None:
    """Make the encoder pool at the tokenizer's end-of-text token.

    The originals' configs say eos_token_id = 2, with which transformers pools at the highest id: right only until a
    placeholder token with a higher one is added (huggingface/transformers#24773).
    """
    # the projecting encoder holds the model it pools with, the plain one is that model
    pooling = getattr(encoder, "text_model", encoder)
    pooling.eos_token_id = tokenizer.eos_token_id
    for module in (encoder, pooling):
        module.config.eos_token_id = tokenizer.eos_token_id
