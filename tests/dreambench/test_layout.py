"""DreamBench's text file, line by line, and what a configuration takes from it."""

from pathlib import Path

import pytest
from hydra import compose

from dbexp.__main__ import main
from dbexp.build import build
from dbexp.dreambench.layout import FILE, look_up, read
from dbexp.errors import UserError
from dbexp.subject import Kind


def test_the_file_gives_classes_and_both_lists(dreambooth: Path) -> None:
    bench = read(dreambooth)
    assert bench.classes == {"backpack": "backpack", "backpack_dog": "backpack", "dog6": "dog", "can": "can"}
    assert bench.prompts == {
        Kind.object: ["a {subject} in the snow", "a red {subject}"],
        Kind.live: ["a {subject}"],
    }
    assert bench.with_photos() == ["backpack", "backpack_dog", "dog6"]


def test_the_repository_and_the_folder_in_it_are_the_same(dreambooth: Path) -> None:
    assert read(dreambooth) == read(dreambooth / "dataset")


@pytest.mark.parametrize(
    "line",
    [
        "'a {0} {1} in the jungle'.format(unique_token, class_token).upper(),",
        "'a {0} in the jungle'.format(unique_token, class_token),",
        "'a {0} {1} like {2}'.format(unique_token, class_token),",
        "'a {0} {1} and a {0} {1}'.format(unique_token, class_token),",
        "__import__('os').system('true')",
    ],
)
def test_a_line_of_another_shape_is_refused_by_its_number(line: str, dreambooth: Path, tmp_path: Path) -> None:
    lines = (dreambooth / "dataset" / FILE).read_text().splitlines()
    at = lines.index("prompt_list = [") + 1
    (tmp_path / FILE).write_text("\n".join([*lines[:at], line, *lines[at:]]))
    with pytest.raises(UserError, match=f"line {at + 1}, cannot be read"):
        read(tmp_path)


def test_a_file_that_lacks_a_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("Classes\n\nsubject_name,class\ncat,cat\n")
    with pytest.raises(UserError, match="lacks its classes or one of its two lists"):
        read(tmp_path)


@pytest.mark.usefixtures("hydra")
@pytest.mark.parametrize(
    ("name", "noun", "kind", "num_prompts"), [("backpack_dog", "backpack", "object", 2), ("dog6", "dog", "live", 1)]
)
def test_a_subject_becomes_plain_values(name: str, noun: str, kind: str, num_prompts: int, dreambooth: Path) -> None:
    asked = ["+experiment=dreambench", f"dreambench.root={dreambooth}", f"dreambench.subject={name}"]
    experiment = build(compose("config", asked))
    subject = experiment.config.subject
    assert (subject.class_noun, subject.kind.value, len(subject.templates())) == (noun, kind, num_prompts)
    assert subject.photos == str(dreambooth / "dataset" / name)
    assert experiment.resolved["subject"]["prompts"] == read(dreambooth).prompts[Kind(kind)]
    assert "${" not in str(experiment.resolved["subject"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "dreambench.root is not given"),
        (["dreambench.root=/nowhere"], "dreambench.root=/nowhere holds neither dataset/"),
        (["dreambench.root=HERE"], "dreambench.subject is not given: add dreambench.subject= one of backpack, "),
        (["dreambench.root=HERE", "dreambench.subject=backpak"], "did you mean backpack?"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    words: list[str], told: str, dreambooth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [word.replace("HERE", str(dreambooth)) for word in words]
    assert main(["+experiment=dreambench", "dry_run=true", *asked]) == 2
    message = capsys.readouterr().err.strip()
    assert told in message and len(message.splitlines()) == 1 and "raised while resolving" not in message


def test_a_part_is_read_from_a_folder_below_home(dreambooth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(dreambooth.parent))
    assert look_up("class_noun", f"~/{dreambooth.name}", "dog6") == "dog"
