"""How pictures are drawn: the knobs between diversity and fidelity.

A leaf: it imports neither torch nor another room.
"""

from dataclasses import dataclass

# sampler name -> (diffusers scheduler class, extra arguments); names as people know them from the web interfaces
SAMPLERS: dict[str, tuple[str, dict[str, object]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "ddpm": ("DDPMScheduler", {"clip_sample": False}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
}
SAMPLERS_WITH_ETA = ("ddim",)


@dataclass
class Sampler:
    """How one picture comes from noise.

    Attributes:
        sampler: one of SAMPLERS.
        num_steps: denoising steps, >= 1.
        guidance_scale: classifier-free guidance (Ho & Salimans, arXiv 2207.12598); 1 = none.
        eta: DDIM's noise, 0 (deterministic) to 1 (DDPM-like) (Song et al., arXiv 2010.02502, Eq. 16); other samplers
            ignore it.
        negative_prompt: what guidance moves away from.
        batch_size: pictures drawn at once; changes memory and speed, not the pictures.
    """

    sampler: str = "ddim"
    num_steps: int = 50
    guidance_scale: float = 7.5
    eta: float = 0.0
    negative_prompt: str = ""
    batch_size: int = 4

    def knobs(self) -> dict[str, object]:
        """What decides a picture: everything but how many there are and how many are drawn at once."""
        apart = ("num_images", "batch_size", "every_n_steps")
        return {name: value for name, value in vars(self).items() if name not in apart}


@dataclass
class Sampling(Sampler):
    """The run's own pictures.

    Attributes:
        num_images: pictures per prompt, seeds 0 .. num_images - 1.
        every_n_steps: optimizer steps between pictures drawn while training, >= 1; None draws at the end only.
    """

    num_images: int = 4
    every_n_steps: int | None = None
