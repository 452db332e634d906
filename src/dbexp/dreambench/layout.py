"""DreamBench's folder as github.com/google/dreambooth has it: subjects, their classes, two lists of prompts.

prompts_and_classes.txt is neither CSV nor Python: it is read line by line and never evaluated. This file knows no run,
and no torch, because a configuration is composed with it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbexp.errors import UserError
from dbexp.signature import nearest
from dbexp.subject import PLACEHOLDER, Kind

FILE = "prompts_and_classes.txt"
LIVE_CLASSES = ("cat", "dog")  # the classes whose subjects take the second list (DreamBooth, supplement)
HEADINGS: dict[str, Kind | None] = {"Classes": None, "Object Prompts": Kind.object, "Live Subject Prompts": Kind.live}
PASSED_OVER = ("", "Prompts", "subject_name,class", "prompt_list = [", "]")
CLASS = re.compile(r"([\w-]+),\s*(\w[\w -]*)")
PROMPT = re.compile(r"""(['"])(.*)\1\s*\.format\(unique_token, class_token\),?""")


@dataclass(frozen=True)
class DreamBench:
    """What the folder says.

    Attributes:
        folder: that holds the text file, and a folder of photos a subject.
        classes: subject -> class noun, in the file's order.
        prompts: templates with {subject} of objects and of live subjects.
    """

    folder: Path
    classes: dict[str, str]
    prompts: dict[Kind, list[str]]

    def values(self, name: str) -> dict[str, Any]:
        """What `subject` takes of one of them: photos, class_noun, kind, prompts.

        Raises:
            UserError: there is no such subject.
        """
        if name not in self.classes:
            file = self.folder / FILE
            raise UserError(f"dreambench.subject={name} is no subject of {file}{nearest(name, self.classes)}")
        noun = self.classes[name]
        kind = Kind.live if noun in LIVE_CLASSES else Kind.object
        photos = str(self.folder / name)
        return {"photos": photos, "class_noun": noun, "kind": kind.value, "prompts": self.prompts[kind]}

    def with_photos(self) -> list[str]:
        """The subjects whose photos are here."""
        return [name for name in self.classes if (self.folder / name).is_dir()]


def look_up(part: str, root: str | None, subject: str | None) -> Any:
    """One key of `subject` in a configuration, for subject=dreambench.

    Args:
        part: "photos", "class_noun", "kind" or "prompts".
        root, subject: the keys dreambench.root and dreambench.subject, None where they were not given.
    Raises:
        UserError: one is not given, or says nothing that is there.
    """
    if root is None:
        raise UserError(
            "dreambench.root is not given: add dreambench.root=FOLDER, a copy of github.com/google/dreambooth"
        )
    bench = read(root)
    if subject is None:
        raise UserError(f"dreambench.subject is not given: add dreambench.subject= one of {', '.join(bench.classes)}")
    return bench.values(subject)[part]


def read(root: str | Path) -> DreamBench:
    """Read the text file.

    Args:
        root: the repository's folder, or the folder `dataset` in it.
    Raises:
        UserError: the file is not there, or not what google/dreambooth has.
    """
    folder = _folder(Path(root).expanduser())
    file = folder / FILE
    classes: dict[str, str] = {}
    prompts: dict[Kind, list[str]] = {Kind.object: [], Kind.live: []}
    part = None
    for number, line in enumerate(_lines(file), 1):
        if line in PASSED_OVER:
            continue
        if line in HEADINGS:
            part = HEADINGS[line]
        elif part is None and (named := CLASS.fullmatch(line)):
            classes[named[1]] = named[2]
        elif part is not None and (template := _template(line)) is not None:
            prompts[part].append(template)
        else:
            raise UserError(
                f"{file}, line {number}, cannot be read ({line}); take the file as google/dreambooth has it"
            )
    if not classes or not all(prompts.values()):
        raise UserError(f"{file} lacks its classes or one of its two lists of prompts; take it from google/dreambooth")
    return DreamBench(folder, classes, prompts)


def _folder(root: Path) -> Path:
    for folder in (root / "dataset", root):
        if (folder / FILE).is_file():
            return folder
    raise UserError(
        f"dreambench.root={root} holds neither dataset/{FILE} nor {FILE}; point it at a copy of"
        " github.com/google/dreambooth"
    )


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read as text; take it from google/dreambooth again") from error


def _template(line: str) -> str | None:
    """'a red {0} {1}'.format(unique_token, class_token), as "a red {subject}"; None for anything else."""
    match = PROMPT.fullmatch(line)
    template = match[2].replace("{0} {1}", PLACEHOLDER) if match else ""
    words, holes = template.replace(PLACEHOLDER, ""), template.count(PLACEHOLDER)
    return template if holes == 1 and not set("{}\\") & set(words) else None
