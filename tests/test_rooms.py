"""The rules of the house: who may call whom, and where a model family may be named.

Read off the source, not off a running program.
"""

import ast
import re
from pathlib import Path

import pytest

import dbexp
from dbexp.family.published import PUBLISHED

SOURCE = Path(dbexp.__file__).parent
FILES = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.py")}
LEAVES = {"errors", "subject", "quiet"}
# room -> rooms of ours it may import beside itself and the leaves
ALLOWED = {
    "store": set(),
    "diffusion": set(),
    "data": set(),
    "family": {"diffusion"},
    "prior": {"family", "diffusion", "generate.sampling"},
    "tune": {"family", "diffusion", "export"},
    "generate": {"family", "data.draws", "drawing", "trained"},
    "export": {"family", "generate.sampling", "formats", "trained"},
    "module": {"family", "tune", "prior", "data.batch", "data.draws", "diffusion"},
    "callbacks": {"module", "generate", "data.draws"},
    "tracking": set(),
    "evaluation": set(),
    "report": {"evaluation.intervals", "store", "config"},
    "compare": {"report", "evaluation.intervals", "evaluation.balance", "store", "folder", "vocabulary"}
    | {"signature", "config", "provenance"},  # the last two to compose the answer
    "floors": {"job", "folder", "generate", "callbacks.progress", "store"},
    "scoring": {"job", "folder", "pictures", "evaluation", "data.images"},
    "panel": {"job", "folder", "pictures", "scoring", "evaluation", "module", "data.batch", "tracking", "config"},
    "encode": {"family", "data"},
    "pictures": {"job", "folder", "generate", "data.draws", "tracking"},
    "folder": {"store"},
    "drawing": {"build", "data.draws", "export", "family", "folder", "generate", "tune"},
    "trained": {"build", "config", "folder", "provenance"},
    "formats": {"build", "export", "family", "folder", "tune"},
    "optimizers": set(),
    "config": {"generate.sampling", "dreambench.layout"},
    "identifiers": {"__main__", "build", "preflight", "family", "generate", "data.draws", "callbacks.progress"},
    "dreambench": {"folder", "evaluation.intervals", "signature", "config"},
    "answers": {"folder"},
    "sweep": {
        *("answers", "build", "config", "data.images", "folder", "preflight", "provenance", "report.commands", "run"),
        *("report.meanings", "signature", "tracking"),
    },
    "artifacts": {"config", "generate.class_images", "job", "store", "tracking"},
    "workspace": {"signature", "tracking", "trained", "vocabulary"},
}


def imports(path: Path) -> set[str]:
    """Dotted names of everything a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str:
    return name.split("/")[0].removesuffix(".py")


def ours(path: Path) -> set[str]:
    modules = {name.removeprefix("dbexp.") for name in imports(path) if name.startswith("dbexp.")}
    places = {module: SOURCE / module.replace(".", "/") for module in modules}
    found = {m for m, place in places.items() if place.with_suffix(".py").exists() or (place / "__init__.py").exists()}
    return {m for m in found if not any(longer.startswith(f"{m}.") for longer in found)}  # a package's file, not both


@pytest.mark.parametrize("name", sorted(name for name in FILES if room_of(name) in ALLOWED))
def test_a_room_imports_only_the_rooms_it_may(name: str) -> None:
    room = room_of(name)
    for module in ours(FILES[name]):
        may = {room} | LEAVES | ALLOWED[room]
        assert any(module == door or module.startswith(f"{door}.") for door in may), f"{name} imports dbexp.{module}"


def test_nothing_imports_run_but_the_front_door() -> None:
    assert {name for name, path in FILES.items() if "dbexp.run" in imports(path)} == {
        "__main__.py",
        "bench/ways.py",
        "sweep/jobs.py",
    }


def test_nothing_in_the_core_imports_the_mini() -> None:
    outside = {name: path for name, path in FILES.items() if room_of(name) != "mini"}
    assert [name for name, path in outside.items() if any(i.startswith("dbexp.mini") for i in imports(path))] == []


def test_the_mathematics_needs_torch_alone() -> None:
    for name, path in FILES.items():
        if room_of(name) == "diffusion":
            roots = {i.split(".")[0] for i in imports(path)}
            assert roots <= {"torch", "dbexp", "dataclasses"}, name


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("wandb", {"tracking"}),
        ("wandb_workspaces", {"workspace"}),
        ("optuna", {"sweep"}),
        ("omegaconf", {"__main__", "config", "build", "provenance", "subject", "identifiers", "sweep"}),
        ("hydra", {"__main__", "config", "provenance", "vocabulary", "bench", "sweep"}),
    ],
)
def test_a_library_stays_in_its_room(library: str, rooms: set[str]) -> None:
    users = {room_of(name) for name, path in FILES.items() if any(i.split(".")[0] == library for i in imports(path))}
    assert users <= rooms


def test_a_model_family_is_named_in_its_own_rooms_only() -> None:
    names = [name for kind in PUBLISHED for name in (kind.choice, kind.pipeline)]
    word = re.compile("|".join(["sd_?15", *names]), re.IGNORECASE)
    assert {"sd15", "sdxl", "deepfloyd"} <= set(names)
    elsewhere = {n: p for n, p in FILES.items() if room_of(n) not in ("family", "mini")}
    assert [name for name, path in elsewhere.items() if word.search(path.read_text())] == []


def test_there_is_no_drawer_for_unrelated_things() -> None:
    assert [name for name in FILES if re.search(r"(utils|helpers|common)", name)] == []


def test_configuration_and_comparison_import_no_torch() -> None:
    seen, queue = set(), ["config.py", "vocabulary.py", "__init__.py", *(n for n in FILES if room_of(n) == "compare")]
    while queue:
        name = queue.pop()
        seen.add(name)
        tree = ast.parse(FILES[name].read_text())
        top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
        modules |= {node.module for node in top if isinstance(node, ast.ImportFrom) and node.module}
        assert not {"torch", "pytorch_lightning", "diffusers", "transformers"} & {m.split(".")[0] for m in modules}, (
            name
        )
        queue += [
            f for m in modules if (f := m.removeprefix("dbexp.").replace(".", "/") + ".py") in FILES and f not in seen
        ]
