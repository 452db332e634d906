"""Runs become settings and their replicates; what was done twice counts once."""

from typing import Any

from dbexp.compare.design import SUBJECT, TRAINING_SEED

SCORES = {"dino": 0.6}


def test_runs_that_differ_in_the_seed_alone_are_replicates(runs: Any, arranged: Any) -> None:
    for weight in (1.0, 0.3):
        for seed in (0, 1, 2):
            runs.add({"prior.weight": weight}, SCORES, seed=seed)
    design = arranged()
    assert [(each.number, each.values, each.seeds) for each in design.settings] == [
        (1, (0.3,), (0, 1, 2)),
        (2, (1.0,), (0, 1, 2)),
    ]
    assert (design.unit, design.most_replicates, list(design.keys)) == (TRAINING_SEED, 3, ["prior.weight"])


def test_a_step_on_the_way_is_a_value_of_the_steps(runs: Any, arranged: Any) -> None:
    runs.add({}, SCORES, at_steps={40: SCORES, 100: SCORES})
    design = arranged()
    assert [axis.key for axis in design.axes] == ["trainer.max_steps"]
    assert [each.steps for each in design.settings] == [40, 100]


def test_a_run_of_its_own_counts_before_one_read_off_and_a_later_one_before_an_earlier(
    runs: Any, arranged: Any
) -> None:
    runs.add({}, SCORES, at_steps={40: {"dino": 0.1}})
    own = runs.add({"trainer.max_steps": 40}, {"dino": 0.2})
    later = runs.add({"trainer.max_steps": 40}, {"dino": 0.3})
    design = arranged()
    short = design.settings[0]
    assert [entry.folder for entry in short.entries] == [later]
    assert {(entry.folder, entry.is_read_off) for entry in design.repeated} == {
        (own, False),
        (runs.home / "run_000", True),
    }


def test_a_key_of_a_failed_run_alone_is_a_column_and_no_axis(runs: Any, arranged: Any) -> None:
    runs.add({"optimizer.lr": 1e-4}, SCORES)
    failed = runs.add({"optimizer.lr": 1.0}, status="failed")
    design = arranged()
    assert [axis.key for axis in design.columns] == ["optimizer.lr"] and design.axes == ()
    (entry,) = [entry for entry in design.entries if entry.folder == failed]
    assert design.setting_of(entry) is None


def test_subjects_that_every_setting_was_trained_on_are_the_unit(runs: Any, arranged: Any) -> None:
    for weight in (0.3, 1.0):
        for noun in ("cat", "dog"):
            for seed in (0, 1):
                keys = {"prior.weight": weight, "subject.class_noun": noun, "subject.photos": f"photos/{noun}"}
                runs.add(keys, SCORES, seed=seed)
    design = arranged()
    assert (design.unit, design.most_replicates) == (SUBJECT, 2)
    assert [axis.key for axis in design.axes] == ["prior.weight"]
    assert [len(setting.entries) for setting in design.settings] == [4, 4]


def test_another_word_for_the_same_photos_is_no_other_subject(runs: Any, arranged: Any) -> None:
    for weight in (0.3, 1.0):
        for word in ("ohwx", "sks"):
            runs.add({"prior.weight": weight, "subject.identifier": word}, SCORES)
    design = arranged()
    assert design.unit == TRAINING_SEED
    assert [axis.key for axis in design.axes] == ["prior.weight", "subject.identifier"]


def test_subjects_that_are_not_crossed_are_an_axis(runs: Any, arranged: Any) -> None:
    runs.add({"subject.photos": "photos/cat"}, SCORES)
    runs.add({"subject.photos": "photos/dog"}, SCORES)
    design = arranged()
    assert design.unit == TRAINING_SEED and [axis.key for axis in design.axes] == ["subject.photos"]
