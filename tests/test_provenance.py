"""Who said what in a request, and what Hydra refused, in plain words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf

from dbexp.config import register
from dbexp.errors import UserError
from dbexp.folder import RunFolder, flat, is_free, to_yaml
from dbexp.provenance import COMMAND_LINE, Request, explain
from dbexp.vocabulary import choices, conf_dir, shown


@pytest.fixture(autouse=True)
def schema() -> Iterator[None]:
    register()
    yield
    GlobalHydra.instance().clear()


def shipped(name: str) -> str:
    return shown(conf_dir() / f"{name}.yaml")


def explained(*overrides: str) -> str:
    with pytest.raises(HydraException) as error:
        Request(overrides, None).compose()
    return explain(error.value)


def asked(*overrides: str) -> dict[str, Any]:
    """What a request comes to, flat."""
    composed = OmegaConf.to_container(Request(overrides, None).compose(), resolve=True, enum_to_str=True)
    assert isinstance(composed, dict)
    return flat(composed)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run whose choices and keys are not those of a request without words."""
    words = ["+experiment=paper_sd15", "trainer=gpu", "trainer.max_steps=9", "sampling=ddim_eta"]
    request = Request([*words, "sampling.num_images=9", "optimizer=adamw_8bit", "optimizer.lr=1e-4", "seed=5"], None)
    config = OmegaConf.to_container(request.compose(), resolve=True, enum_to_str=True)
    assert isinstance(config, dict)
    config["prior"] = {"_target_": "dbexp.prior.none.NoPrior"}
    return written(tmp_path / "run", config)


def written(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(to_yaml(config))
    return folder


def changes(run: Path, *overrides: str) -> dict[str, Any]:
    """Keys that come out otherwise than the run's own, when it is gone on with."""
    alone, more = asked(f"run_dir={run}"), asked(f"run_dir={run}", *overrides)
    assert alone.keys() <= more.keys()
    return {key: value for key, value in more.items() if key not in alone or alone[key] != value}


def test_the_last_to_speak_is_the_origin() -> None:
    origins = Request(["+experiment=paper_sd15", "seed=3"], None).origins()
    assert origins["seed"] == COMMAND_LINE
    assert origins["optimizer.lr"] == shipped("experiment/paper_sd15")
    assert origins["optimizer.algorithm._target_"] == shipped("optimizer/adamw")
    assert origins["subject.photos"] == shipped("subject/backpack")
    assert not any(key.startswith("hydra") for key in origins)


def test_every_refused_key_and_value_is_told() -> None:
    problems = Request(["trainer.max_stps=3", "data.crop=side", "seed=1"], None).problems()
    assert len(problems) == 2
    assert problems[0].startswith(f"trainer.max_stps ({COMMAND_LINE}) is not a key; did you mean max_steps?")
    assert problems[1].startswith(f"data.crop ({COMMAND_LINE}) will not do")


def test_a_key_added_with_a_plus_sign_is_refused_all_the_same() -> None:
    assert Request(["+lr=3"], None).problems() == [f"lr ({COMMAND_LINE}) is not a key; did you mean optimizer.lr?"]


def test_an_experiments_keys_are_overruled_by_another_choice_on_the_command_line() -> None:
    assert Request(["+experiment=paper_sd15", "prior=none"], None).overruled() == {"prior.weight", "prior.num_images"}
    assert Request(["+experiment=paper_sd15", "prior=none", "prior.weight=2"], None).overruled() == {"prior.num_images"}
    assert Request(["+experiment=paper_sd15", "seed=1"], None).overruled() == set()


def test_a_request_in_order_has_no_problems() -> None:
    assert Request(["+experiment=rory_sdxl", "prior=none", "stages=[train]"], None).problems() == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("+experiment=rory_sd16", "did you mean rory_sd15?"),
        ("optimizer=adam", "there is no optimizer called 'adam'"),
        ("experiment=rory_sd15", "+experiment="),
        ("tune.text_encodr=true", "did you mean text_encoder?"),
        ("subject.instance_prompt=a {subject}", '"a {subject}"\''),
    ],
)
def test_what_hydra_refuses_is_said_plainly(override: str, words: str) -> None:
    message = explained(override)
    assert words in message
    assert "full_key" not in message


def test_a_file_of_ones_own_under_a_shipped_name_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    for name in ("rory", "backpack"):
        (tmp_path / "subject").mkdir(exist_ok=True)
        (tmp_path / "subject" / f"{name}.yaml").write_text("photos: p\n")
    assert len(Request(["subject=rory"], str(tmp_path)).shadowed()) == 1
    assert Request(["subject=movie_style"], str(tmp_path)).shadowed() == []


def test_an_error_without_words_is_named() -> None:
    assert explain(ValueError()) == "ValueError"


@pytest.mark.parametrize("experiment", sorted(choices("experiment")))
def test_a_run_alone_is_asked_as_it_was(experiment: str, tmp_path: Path, dreambooth: Path) -> None:
    bench = [f"dreambench.root={dreambooth}", "dreambench.subject=dog6"]
    config = OmegaConf.to_container(
        Request([f"+experiment={experiment}", "stages=[prior]", "seed=7", *bench], None).compose(),
        resolve=True,
        enum_to_str=True,
    )
    assert isinstance(config, dict)
    folder = written(tmp_path / "run", config)
    assert asked(f"run_dir={folder}") == flat(config) | {"run_dir": str(folder)}


def test_a_run_of_before_dreambench_was_known_goes_on(run: Path, tmp_path: Path) -> None:
    config = RunFolder(run).read_config()
    assert config is not None
    folder = written(tmp_path / "older", {key: value for key, value in config.items() if key != "dreambench"})
    assert asked(f"run_dir={folder}") == asked(f"run_dir={run}") | {"run_dir": str(folder)}


def test_keys_and_choices_are_laid_over_what_the_run_has(run: Path) -> None:
    assert changes(run, "sampling.num_steps=7", "stages=[generate]") == {
        "sampling.num_steps": 7,
        "stages": ["generate"],
    }
    assert changes(run, "optimizer.lr=1") == {"optimizer.lr": 1.0}
    # eta and num_images are not in the chosen file, and may change: they go back to their defaults
    euler = {"sampling.sampler": "euler_a", "sampling.num_steps": 30, "sampling.eta": 0.0, "sampling.num_images": 4}
    assert changes(run, "sampling=euler_a") == euler
    assert changes(run, "sampling=euler_a", "sampling.num_images=9") == {
        key: value for key, value in euler.items() if key != "sampling.num_images"
    }
    # max_steps and precision are not in the file either, and decide the training: they stay
    assert changes(run, "trainer=cpu") == {"trainer.accelerator": "cpu"}
    # the file's "???" leaves the run's photos and class noun in place
    assert changes(run, "subject=photos", "logger=none") == {"subject.prompts": None, "logger.kind": "none"}


def test_a_class_is_replaced_with_all_its_arguments(run: Path) -> None:
    anew = {key: value for key, value in asked("prior=images").items() if key.startswith("prior.")}
    assert changes(run, "prior=images") == anew
    back = asked(f"run_dir={written(run.parent / 'images', unflattened(run, anew))}", "prior=none")
    assert {key for key in back if key.startswith("prior.")} == {"prior._target_"}


def unflattened(run: Path, anew: dict[str, Any]) -> dict[str, Any]:
    """The run's config with these keys."""
    config = OmegaConf.create((run / "config.yaml").read_text())
    for key, value in anew.items():
        OmegaConf.update(config, key, value)
    container = OmegaConf.to_container(config)
    assert isinstance(container, dict)
    return container


def test_an_experiment_asks_for_everything_anew(run: Path) -> None:
    words = ["+experiment=rory_sd15", "seed=3"]
    assert asked(f"run_dir={run}", *words) == asked(*words) | {"run_dir": str(run)}


def test_keys_are_those_of_the_runs_own_choices(run: Path) -> None:
    assert "did you mean num_steps?" in explained(f"run_dir={run}", "sampling.num_stps=3")
    assert "prior.weight is not a key" in explained(f"run_dir={run}", "prior.weight=2")
    assert "did you mean euler_a?" in explained(f"run_dir={run}", "sampling=eulr")
    assert len(Request([f"run_dir={run}", "sampling.num_stps=3", "+lr=3"], None).problems()) == 2


def test_the_runs_config_is_the_origin_of_what_it_says(run: Path) -> None:
    origins = Request([f"run_dir={run}", "seed=3", "sampling=euler_a"], None).origins()
    assert (origins["optimizer.lr"], origins["seed"]) == (str(run / "config.yaml"), COMMAND_LINE)
    assert origins["sampling.num_steps"] == shipped("sampling/euler_a")
    assert "sampling.eta" not in origins


@pytest.mark.parametrize("text", ["a ${name} {subject}", r"a \${name}", r"a \\${name}", "${", "a $ \\ {subject}"])
def test_what_a_run_says_is_meant_as_it_stands_there(text: str, run: Path) -> None:
    folder = written(run.parent / "text", unflattened(run, {}) | {"name": text})
    assert asked(f"run_dir={folder}")["name"] == text


def test_a_config_cut_off_anywhere_is_refused_or_has_lost_nothing_that_decides_the_training(run: Path) -> None:
    text, whole = (run / "config.yaml").read_text(), asked(f"run_dir={run}")
    goes_on = 0
    for end in range(0, len(text), 31):
        (run / "config.yaml").write_text(text[:end])
        try:
            rest = asked(f"run_dir={run}")
        except UserError as error:
            assert str(run / "config.yaml") in str(error) and "leave run_dir out" in str(error)
            assert "\n" not in str(error)
        else:
            goes_on += 1
            assert {key: rest[key] for key in whole if not is_free(key)} == {
                key: value for key, value in whole.items() if not is_free(key)
            }
    assert goes_on < len(text) / 31 / 2


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("trainer.max_stps", 3, "trainer.max_stps is not a key; did you mean max_steps?"),
        ("trainer.max_steps", "many", "trainer.max_steps will not do"),
        ("stages", ["dream"], "stages"),
    ],
)
def test_a_config_of_another_version_is_refused_in_one_sentence(key: str, value: Any, words: str, run: Path) -> None:
    config = OmegaConf.create((run / "config.yaml").read_text())
    OmegaConf.update(config, key, value)
    OmegaConf.save(config, run / "config.yaml")
    with pytest.raises(UserError, match="another version of dbexp") as error:
        Request([f"run_dir={run}"], None)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_config_without_a_free_key_of_a_later_version_is_gone_on_with(run: Path) -> None:
    config = OmegaConf.create((run / "config.yaml").read_text())
    before = asked(f"run_dir={run}")
    del config.sampling.num_images
    OmegaConf.save(config, run / "config.yaml")
    assert asked(f"run_dir={run}") == before | {"sampling.num_images": 4}


def test_free_keys_alone_need_a_run(run: Path) -> None:
    nowhere = f"run_dir={run}2"
    (problem,) = Request([nowhere, "stages=[generate]", "sampling=euler_a"], None).problems()
    assert problem.startswith(f"{nowhere} holds no run")
    assert Request([nowhere, "subject=rory"], None).problems() == []
    assert Request([f"run_dir={run}", "stages=[generate]"], None).problems() == []


def test_the_run_folder_is_read_off_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    for words, folder in (
        (["run_dir='a b'"], "a b"),
        (["run_dir=a", "run_dir=2024"], "2024"),
        (["run_dir='~/a'"], "/home/me/a"),
        (["run_dir=null"], None),
        (["run_dir=a,b"], None),
        (["run_dir=out/${name}"], None),
        (["seed=1"], None),
    ):
        assert Request(words, None).run_dir == folder
