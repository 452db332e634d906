"""Who said what in a request, and what Hydra refused, in plain words."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode

from dbexp.config import register
from dbexp.provenance import COMMAND_LINE, CONFIG_NAME, Request, explain
from dbexp.vocabulary import conf_dir, shown


@pytest.fixture(autouse=True)
def schema() -> Iterator[None]:
    register()
    yield
    GlobalHydra.instance().clear()


def shipped(name: str) -> str:
    return shown(conf_dir() / f"{name}.yaml")


def explained(*overrides: str) -> str:
    with pytest.raises(HydraException) as error:
        Request(overrides, None).loader.load_configuration(CONFIG_NAME, list(overrides), RunMode.RUN)
    return explain(error.value)


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
