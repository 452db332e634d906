"""The bundled subjects' pictures: what is shipped is what the world draws today."""

import numpy as np
import pytest
from PIL import Image

from dbexp.mini.photos import COUNT, COUNTS, SHIPPED, SIZE
from dbexp.mini.world import SUBJECTS, draw, instance_scenes


def test_every_subject_is_shipped_and_nothing_else() -> None:
    assert {folder.name for folder in SHIPPED.iterdir()} == set(SUBJECTS)


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_shipped_pictures_are_those_of_the_world(name: str) -> None:
    scenes = instance_scenes(name, COUNTS.get(name, COUNT))
    assert 4 <= len(scenes) <= 6
    files = sorted((SHIPPED / name).iterdir())
    assert [file.name for file in files] == [f"{number:02}.png" for number in range(len(scenes))]
    for file, scene in zip(files, scenes, strict=True):
        assert np.array_equal(np.asarray(Image.open(file)), np.asarray(draw(scene, SIZE))), file
