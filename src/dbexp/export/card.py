"""The README.md beside exported weights. It knows the resolved config as plain data; it loads and draws nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from dbexp.family.published import PUBLISHED
from dbexp.generate.sampling import SAMPLERS
from dbexp.subject import name_in_prompts

CARD = """\
---
{front_matter}---
# {name}

A DreamBooth fine-tune ([arXiv 2208.12242](https://arxiv.org/abs/2208.12242)) made with dbexp.

- **Base model:** {base}
- **Licence:** {licence}
- **Subject:** written as "{subject}" in prompts

## Draw a picture

Same weights, same numbers, same picture (up to rounding that differs between machines):

```python
{snippet}```

Prompts of this run and the generator seed of each picture:

{table}

## How it was made

```yaml
{config}```
"""

EMPTY: Mapping[str, Any] = {}

DEVICE = '.to("cuda" if torch.cuda.is_available() else "cpu")'

SNIPPET = """\
import torch
from diffusers import {scheduler}, DiffusionPipeline

{loading}pipeline.scheduler = {scheduler}.from_config({settings}{scheduler_arguments})
image = pipeline(
{arguments}    generator=torch.Generator().manual_seed({seed}),
).images[0]
"""


def model_card(
    config: Mapping[str, Any],
    prompts: Sequence[tuple[str, int]],
    base: str,
    loading: Sequence[str] = (),
    scheduler_settings: Mapping[str, Any] = EMPTY,
    calling: Mapping[str, Any] = EMPTY,
) -> str:
    """The card as Markdown with the Hub's YAML front matter.

    Args:
        config: the resolved experiment; its `name`, `subject`, `sampling` and `data` are read, all of it is shown.
        prompts: (prompt, generator seed) of each picture of the run; the first is the example.
        base: Hub id or folder of the model that was tuned.
        loading: Python lines that put these files into a `pipeline` of the base; none where they are a whole pipeline.
        scheduler_settings: what stands in place of the scheduler config's own.
        calling: the family's own arguments of the pipeline.
    """
    opened = "path/to/this/folder" if not loading else base
    first = f'pipeline = DiffusionPipeline.from_pretrained("{opened}"){DEVICE}'
    lines = "".join(f"{line}\n" for line in (first, *loading))
    prompt, seed = prompts[0] if prompts else (config["subject"]["instance_prompt"], 0)
    return CARD.format(
        front_matter=dump(front_matter(base, prompts)),
        name=config["name"],
        base=base,
        licence=licence(base) or "see the base model's card; it binds these weights too",
        subject=name_in_prompts(*(config["subject"].get(key) for key in ("identifier", "class_noun", "prompt_noun"))),
        snippet=snippet(config, prompt, seed, lines, scheduler_settings, calling),
        table="\n".join(
            ["| prompt | seed |", "| --- | --- |", *(f"| {cell(prompt)} | {seed} |" for prompt, seed in prompts)]
        ),
        config=dump(config),
    )


def licence(base: str) -> str | None:
    """The Hub's name of the base's licence, None where it is not known here."""
    return next((published.licence for published in PUBLISHED if published.repo == base), None)


def front_matter(base: str, prompts: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """What the Hub reads of a card; a base that is a folder has no Hub id to name."""
    known = licence(base)
    return {
        **({"base_model": base, "license": known} if known else {}),
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
        "tags": ["text-to-image", "diffusers", "dreambooth"],
    }


def snippet(
    config: Mapping[str, Any],
    prompt: str,
    seed: int,
    loading: str,
    scheduler_settings: Mapping[str, Any],
    calling: Mapping[str, Any],
) -> str:
    """Python that draws this picture as the run drew it; `loading` are the lines that make the pipeline."""
    sampling, resolution = config["sampling"], config["data"].get("resolution")
    scheduler, sampler_arguments = SAMPLERS[sampling["sampler"]]
    replaced = "".join(f", {name!r}: {value!r}" for name, value in scheduler_settings.items())
    settings = f"{{**pipeline.scheduler.config{replaced}}}" if replaced else "pipeline.scheduler.config"
    arguments = {
        "prompt": prompt,
        # an empty negative prompt and none differ where a checkpoint zeroes the empty prompt: the run passes none
        **({"negative_prompt": sampling["negative_prompt"]} if sampling["negative_prompt"] else {}),
        "num_inference_steps": sampling["num_steps"],
        "guidance_scale": sampling["guidance_scale"],
        "eta": sampling["eta"],
        **({"height": resolution, "width": resolution} if resolution else {}),
        **calling,
    }
    return SNIPPET.format(
        scheduler=scheduler,
        settings=settings,
        scheduler_arguments="".join(f", {name}={value!r}" for name, value in sampler_arguments.items()),
        loading=loading,
        arguments="".join(f"    {name}={value!r},\n" for name, value in arguments.items()),
        seed=seed,
    )


def cell(text: str) -> str:
    """Text that does not break a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def dump(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=1000)
