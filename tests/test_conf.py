"""Every YAML that is shipped: it is found, composes, binds and is counted."""

from pathlib import Path

import pytest
from hydra import compose
from hydra.types import RunMode

from dbexp.build import Experiment, build
from dbexp.config import Stage, Weighting
from dbexp.dreambench import layout as dreambench
from dbexp.generate.sampling import SAMPLERS
from dbexp.provenance import Request
from dbexp.sweep.plan import multirun_config, plan_sweep
from dbexp.vocabulary import choices, conf_dir, groups, headline

pytestmark = pytest.mark.usefixtures("hydra")

EXPERIMENTS, SWEEPS = sorted(choices("experiment")), sorted(choices("sweep"))
PACKAGES = {"jobs": "hydra_joblib_launcher", "slurm": "hydra_submitit_launcher"}  # not everybody has them
MINE = ["subject=photos", "subject.photos=p", "subject.class_noun=cat"]
CHOICES = [(group, choice) for group in groups() for choice in sorted(choices(group))]


@pytest.fixture(autouse=True)
def dataset(dreambooth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What subject=dreambench reads, for those who choose it."""
    read = dreambench.look_up
    monkeypatch.setattr("dbexp.config.look_up", lambda part, *_: read(part, str(dreambooth), "dog6"))


def built(*overrides: str) -> Experiment:
    return build(compose("config", list(overrides)))


def test_the_experiments_of_the_readme_are_there() -> None:
    assert {"rory_sd15", "rory_sdxl", "backpack_sd15", "movie_style_sdxl", "paper_sd15"} <= set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_a_short_delta_with_its_question(name: str) -> None:
    lines = choices("experiment")[name].read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert len(lines) <= 20
    assert lines[0] == "# @package _global_"
    assert "Question:" in headline(choices("experiment")[name])
    assert any(f"python -m dbexp +experiment={name}" in line for line in header)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_binds_and_bears_its_name(name: str) -> None:
    experiment = built(f"+experiment={name}")
    assert experiment.config.name == name
    assert experiment.config.stages == list(Stage)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_takes_photos_of_ones_own(name: str) -> None:
    subject = built(
        f"+experiment={name}", *MINE[:1], "subject.photos=~/cat".replace("~", "/home"), MINE[2]
    ).config.subject
    assert (subject.photos, subject.class_noun, subject.prompts) == ("/home/cat", "cat", None)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_binds(group: str, choice: str) -> None:
    if group == "launcher" and choice in PACKAGES:
        pytest.importorskip(f"hydra_plugins.{PACKAGES[choice]}")
    subject = [] if group == "subject" and choice != "photos" else MINE
    built(*[override for override in subject if not override.startswith(f"{group}=")], f"{group}={choice}")


CROSSED = ("trainer", "optimizer", "prior")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_takes_every_choice_that_it_may_leave_open(name: str) -> None:
    for group, choice in CHOICES:
        if group in CROSSED:
            overrides = [f"+experiment={name}", f"{group}={choice}"]
            experiment = build(compose("config", overrides), overruled=Request(overrides, None).overruled())
            assert experiment.config.name == name, (group, choice)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_asks_a_question_and_is_one_by_itself(name: str) -> None:
    lines = choices("sweep")[name].read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert "Question:" in headline(choices("sweep")[name])
    assert any("python -m dbexp " in line and f"+sweep={name}" in line for line in lines)
    request = Request([*MINE, f"+sweep={name}"], None)
    config = request.loader.load_configuration("config", request.overrides, RunMode.MULTIRUN)
    assert config.hydra.mode == RunMode.MULTIRUN and config.hydra.sweeper.params


@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_sweep_goes_over_a_bundled_experiment(sweep: str, experiment: str = "mini_backpack") -> None:
    if sweep == "mini_base" and "mini_sdxl" not in choices("model"):
        pytest.skip("there is one bundled model")
    arguments = [f"+experiment={experiment}", f"+sweep={sweep}"]
    request = Request(arguments, None)
    config = multirun_config(arguments, request)
    assert config is not None
    plan = plan_sweep(request, config)
    assert plan.name == f"{experiment}-{sweep}" and len(plan.jobs) >= 2
    first, last = (plan.ask(job) for job in (plan.jobs[0], plan.jobs[-1]))
    assert first.config.run_dir != last.config.run_dir
    assert Path(str(first.config.run_dir)).parent == plan.folder == Path("sweeps", plan.name)


def test_every_file_is_a_choice() -> None:
    files = {path.relative_to(conf_dir()) for path in conf_dir().rglob("*") if path.is_file()}
    known = {Path(group, f"{choice}.yaml") for group, choice in CHOICES}
    known |= {Path("experiment", f"{name}.yaml") for name in EXPERIMENTS}
    known |= {Path("sweep", f"{name}.yaml") for name in SWEEPS}
    known |= {Path("wandb", f"{name}.yaml") for name in choices("wandb")}  # tests/test_agent.py has them
    assert files == known | {Path("config.yaml")}


def test_every_weighting_has_a_file() -> None:
    assert set(choices("loss")) == {weighting.value for weighting in Weighting}


def test_every_sampler_that_is_shipped_is_known() -> None:
    assert {built(*MINE, f"sampling={name}").config.sampling.sampler for name in choices("sampling")} <= set(SAMPLERS)


def test_what_is_chosen_by_default() -> None:
    experiment = built(*MINE)
    assert experiment.prior.needs_images is not None
    assert (experiment.prior.weight, experiment.prior.needs_images.num_images) == (1.0, 200)
    assert (experiment.config.trainer.accelerator, experiment.config.logger.kind.value) == ("gpu", "wandb")


def test_the_papers_recipe() -> None:
    experiment = built("+experiment=paper_sd15")
    config, needs = experiment.config, experiment.prior.needs_images
    assert needs is not None
    assert (config.trainer.max_steps, config.optimizer.lr) == (1000, 5e-6)
    assert (experiment.prior.weight, needs.num_images) == (1.0, 1000)
    assert experiment.resolved["tune"]["text_encoder"] is False


def test_rorys_recipes() -> None:
    small, large = built("+experiment=rory_sd15"), built("+experiment=rory_sdxl")
    assert (small.config.trainer.max_steps, small.resolved["tune"]["text_encoder"], small.prior.weight) == (
        400,
        True,
        1.0,
    )
    assert large.resolved["tune"]["_target_"] == "dbexp.tune.lora.LoraTune"
    assert large.resolved["tune"]["text_encoder"] is True
    assert large.config.trainer.gradient_checkpointing
    assert len(small.config.subject.templates()) == 4
    assert len(built("+experiment=backpack_sd15").config.subject.templates()) == 5
