"""The preflight: everything wrong with a request, told together, before anything loads."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from PIL import Image

from dbexp.build import Experiment, build
from dbexp.config import register
from dbexp.errors import UserError
from dbexp.preflight.check import SMALLEST, Findings, check
from dbexp.vocabulary import conf_dir

Ask = Callable[..., Experiment]


@pytest.fixture
def ask(tiny_sd: Path, photos: Path, tmp_path: Path) -> Iterator[Ask]:
    """A request that nothing is wrong with, and what is asked over it."""
    register()
    GlobalHydra.instance().clear()
    good = [
        *("subject=photos", f"subject.photos={photos}", "subject.class_noun=backpack", "subject.identifier=ohwx"),
        *(
            "trainer=cpu",
            "evaluation=none",
            f"model.checkpoint={tiny_sd}",
            f"runs={tmp_path / 'runs'}",
            f"cache={tmp_path / 'cache'}",
        ),
    ]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        yield lambda *overrides: build(compose("config", [*good, *overrides]))


def one(entries: list[str]) -> str:
    assert len(entries) == 1, entries
    return entries[0]


def test_a_request_in_order_passes_and_leaves_the_disk_as_it_was(ask: Ask, tmp_path: Path) -> None:
    findings = check(ask("dry_run=true"))
    assert (findings.mistakes, findings.missing, findings.warnings) == ([], [], [])
    assert len(findings.photos) == 4
    assert findings.facts is not None and findings.facts.default_resolution == 64
    assert list(tmp_path.iterdir()) == []


def test_every_number_has_a_floor_and_all_that_lie_below_are_told_together(ask: Ask) -> None:
    below = {key: smallest - 1 if allowed else smallest for key, (smallest, allowed) in SMALLEST.items()}
    at_the_floor = {key: smallest if allowed else 1 for key, (smallest, allowed) in SMALLEST.items()}
    mistakes = check(ask(*(f"{key}={value:g}" for key, value in below.items()))).mistakes
    assert {key for key in SMALLEST if any(mistake.startswith(f"{key}=") for mistake in mistakes)} == set(SMALLEST)
    floors = [f"{key}={value:g}" for key, value in at_the_floor.items()]
    one_photo = "evaluation.panel.best_by=dino"  # balance needs two
    assert check(ask("evaluation=dreambench", "tune.text_encoder=true", one_photo, *floors)).mistakes == []


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_number_must_be_one(value: str, ask: Ask) -> None:
    assert one(check(ask(f"optimizer.lr={value}")).mistakes).startswith("optimizer.lr=")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.devices=0", "trainer.devices=0"),
        ("trainer.devices=-1", "needs GPUs"),
        ("trainer.precision=16", "trainer.precision=16 is not supported"),
        ("trainer.precision=16-mixed", "needs a GPU"),
        ("optimizer=adamw_8bit", "needs a GPU"),
        ("trainer.cuda_graphs=true", "needs an NVIDIA GPU"),
        ("sampling.sampler=dimm", "did you mean ddim?"),
        ("prior.sampling.sampler=eulr", "did you mean euler?"),
        ("data.background=wite", "is no colour"),
        ("data.resolution=60", "try 64"),
        ("stages=[]", "stages is empty"),
        ("name='../x'", "cannot name a folder"),
        ("subject.class_noun=' '", "subject.class_noun is empty"),
        ("subject.prompts=[]", "subject.prompts is empty"),
        ("subject.prompts=['a {sbject}']", "{sbject}"),
    ],
)
def test_what_cannot_be_done_is_a_mistake(override: str, words: str, ask: Ask) -> None:
    assert any(words in mistake for mistake in check(ask(override)).mistakes)


def test_fused_sixteen_bit_and_clipping_do_not_go_together(ask: Ask) -> None:
    half = ["trainer=gpu", "trainer.precision=16-mixed"]
    assert "fused=false" in one(check(ask(*half)).mistakes)
    assert check(ask(*half, "optimizer.algorithm.fused=false")).mistakes == []
    assert check(ask(*half, "trainer.gradient_clip_val=null")).mistakes == []


@pytest.mark.parametrize(
    "other",
    ["trainer.gradient_checkpointing=true", "trainer.devices=2", "trainer.compile=true", "data.num_workers=2"],
)
def test_recorded_passes_are_of_one_device_and_keep_their_activations(other: str, ask: Ask) -> None:
    graphs = ["trainer=gpu", "trainer.cuda_graphs=true"]
    assert check(ask(*graphs)).mistakes == []
    assert "trainer.cuda_graphs" in one(check(ask(*graphs, other)).mistakes)


def test_a_job_of_a_multirun_uses_one_device(ask: Ask) -> None:
    experiment = ask("trainer.devices=2")
    assert "trainer.devices=1" in one(check(experiment, is_sweep=True).mistakes)
    assert check(experiment).mistakes == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("subject.identifier=sks", "a rifle"),
        ("subject.identifier=zebrafinch", "tokens"),
        ("subject.instance_prompt='a photo'", "nothing ties the photos"),
        ("subject.prompts=['a cat']", '"a cat" has no {subject}'),
        ("sampling=euler_a sampling.eta=1", "sampling.eta has no effect"),
        ("data.flip=true subject.kind=person", "mirrors a person"),
        ("optimizer.text_encoder_lr=1e-6", "tune.text_encoder=false"),
        ("lr_scheduler.warmup_steps=400", "never reached"),
        ("prior.weight=0", "use prior=none"),
        ("data.resolution=512", "4 of 4 photos"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning(override: str, words: str, ask: Ask) -> None:
    findings = check(ask(*override.split(" ") if "'" not in override else [override]))
    assert words in one(findings.warnings)
    assert findings.mistakes == []


def test_a_prompt_that_the_model_cannot_read_whole_is_told_with_its_length(ask: Ask) -> None:
    long = "a {subject} " + "on " * 80
    assert " 85 tokens, of which the model reads 77" in one(check(ask(f"subject.prompts=['{long}']")).warnings)


def test_photos_that_are_not_there_are_missing(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "nowhere is not there" in one(check(ask("subject.photos=nowhere")).missing)
    assert "holds no photo" in one(check(ask(f"subject.photos={tmp_path / 'empty'}")).missing)


def test_every_unreadable_photo_is_named(ask: Ask, photos: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(photos, tmp_path / "mine")
    for name in ("x.jpg", "y.png"):
        (folder / name).write_bytes(b"no picture")
    mistakes = check(ask(f"subject.photos={folder}")).mistakes
    assert [name in mistake for name, mistake in zip(("x.jpg", "y.png"), mistakes, strict=True)] == [True, True]


def test_a_caption_without_the_subject_is_doubted(ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, caption in (("a", "a {subject} on grass"), ("b", "a ohwx backpack"), ("c", "a bag")):
        Image.new("RGB", (80, 80)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(caption)
    assert "c.png" in one(check(ask(f"subject.photos={folder}")).warnings)


def test_a_checkpoint_that_cannot_be_used_is_a_mistake_beside_the_others(ask: Ask, tmp_path: Path) -> None:
    mistakes = check(ask(f"model.checkpoint={tmp_path / 'nothing'}", "trainer.max_steps=0")).mistakes
    assert len(mistakes) == 2
    assert "nothing" in mistakes[0]


def test_constant_weights_need_signal_at_every_step(ask: Ask, tiny_sd: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_sd, tmp_path / "zero")
    file = folder / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "rescale_betas_zero_snr": True}))
    mine = f"model.checkpoint={folder}"
    assert "loss=simple" in one(check(ask(mine, "loss=constant")).mistakes)
    assert check(ask(mine, "loss=min_snr")).mistakes == []


def test_gpus_that_are_not_here_are_missing(ask: Ask) -> None:
    with patch("dbexp.preflight.machine.num_gpus", return_value=0):
        assert "trainer=cpu" in one(check(ask("trainer=gpu")).missing)
    with patch("dbexp.preflight.machine.num_gpus", return_value=2):
        assert "trainer.devices=2" in one(check(ask("trainer=ddp", "trainer.devices=4")).missing)
        assert check(ask("trainer=ddp")).missing == []


def test_a_library_that_is_not_here_is_missing(ask: Ask) -> None:
    with (
        patch("dbexp.preflight.machine.num_gpus", return_value=1),
        patch("importlib.util.find_spec", return_value=None),
    ):
        assert "pip install" in one(check(ask("trainer=gpu", "optimizer=adamw_8bit")).missing)


def test_a_full_disk_is_missing_room(ask: Ask) -> None:
    full = shutil.disk_usage("/")._replace(free=0)
    with patch("shutil.disk_usage", return_value=full):
        findings = check(ask())
        assert [key in entry for key, entry in zip(("runs=", "cache="), findings.missing, strict=True)] == [True, True]
        assert "runs=" in one(check(ask("prior=none")).missing)


def asked_again(ask: Ask, folder: Path, *overrides: str) -> Findings:
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(ask("seed=3").resolved))
    return check(ask(f"run_dir={folder}", *overrides))


def test_a_run_is_gone_on_with_only_as_it_was_asked(ask: Ask, tmp_path: Path) -> None:
    assert asked_again(ask, tmp_path / "a", "seed=3", "stages=[generate]", "sampling.num_images=9").mistakes == []
    mistakes = asked_again(ask, tmp_path / "a", "seed=4", "optimizer.lr=1").mistakes
    assert [mistake.split("=")[0] for mistake in mistakes] == ["optimizer.lr", "seed"]
    assert "leave run_dir out for a new run" in mistakes[0]


def test_a_run_whose_config_cannot_be_read_is_a_mistake_beside_the_others(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("name: [a,")
    mistakes = check(ask(f"run_dir={tmp_path}", "trainer.max_steps=0")).mistakes
    assert len(mistakes) == 2 and str(tmp_path / "config.yaml") in mistakes[1]


@pytest.mark.parametrize("key", ["runs", "cache", "run_dir"])
def test_a_file_where_a_folder_should_be_is_told_with_its_key(key: str, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = one(check(ask(f"{key}={tmp_path}/file/below")).missing)
    assert told.startswith(f"{key}=") and "is not a folder" in told


def test_a_run_dir_that_holds_other_things_is_refused(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "holiday.jpg").touch()
    assert "holds other things" in one(check(ask(f"run_dir={tmp_path}/album")).mistakes)


@pytest.mark.parametrize(("typo", "meant"), [("accelerator=cupu", "cpu"), ("strategy=dpd", "ddp")])
def test_what_lightning_does_not_know_is_told_with_the_nearest(typo: str, meant: str, ask: Ask) -> None:
    told = one(check(ask(f"trainer.{typo}")).mistakes)
    assert f"trainer.{typo}" in told and f"did you mean {meant}?" in told


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.text_encoder_stop_step=3"], "no text encoder to stop with tune.text_encoder=false"),
        (["tune=custom_diffusion", "optimizer.text_encoder_stop_step=3"], "no text encoder to stop with tune=Custom"),
        (["tune=lora", "tune.targets=[to_qq]"], "names no linear or convolutional layer"),
        (["tune=textual_inversion", "tune.token=other"], "is not subject.identifier=ohwx"),
        (["tune=textual_inversion", "subject.identifier=q"], "take another, such as '<q>'"),
    ],
)
def test_what_a_way_of_tuning_cannot_do_is_a_mistake(overrides: list[str], words: str, ask: Ask) -> None:
    assert words in one(check(ask(*overrides)).mistakes)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["tune=textual_inversion", "+tune.text_encoder=true"], "tune.text_encoder is not a key"),
        (["tune=textual_inversion", "tune.num_vectors=0"], "num_vectors=0"),
        (["tune=textual_inversion", "subject.identifier='two words'"], "must be one word"),
        (["tune=pivotal", "tune.token_lr=0"], "token_lr=0"),
        (["tune=pivotal", "tune.token_stop_step=-1"], "token_stop_step=-1"),
        (["tune=lora", "tune.rank=0"], "rank=0"),
        (["tune=lora", "+tune.token=x"], "tune.token is not a key"),
        (["prior=anchor", "+prior.num_images=3"], "prior.num_images is not a key"),
    ],
)
def test_an_option_that_a_way_does_not_have_is_refused_when_it_is_bound(
    overrides: list[str], words: str, ask: Ask
) -> None:
    with pytest.raises(UserError, match=words):
        ask(*overrides)


@pytest.mark.parametrize("tune", ["lora", "textual_inversion", "custom_diffusion", "pivotal"])
def test_every_way_of_tuning_passes_and_its_new_word_is_no_strange_one(tune: str, ask: Ask) -> None:
    findings = check(ask(f"tune={tune}", *([] if tune == "lora" else ["subject.identifier='<thing>'"])))
    assert (findings.mistakes, findings.missing, findings.warnings) == ([], [], [])


def test_a_word_of_many_vectors_makes_prompts_longer(ask: Ask) -> None:
    long = ["tune=textual_inversion", "tune.num_vectors=80", "subject.prompts=['a {subject}']"]
    assert any("of which the model reads 77" in line for line in check(ask(*long)).warnings)
