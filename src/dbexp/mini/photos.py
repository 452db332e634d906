"""python -m dbexp.mini.photos [FOLDER]: draws the pictures that the bundled subjects are learned from.

They are shipped in photos/ beside this file, so the experiments find them; this is how they were made, and a test
holds them against it.
"""

import sys
from pathlib import Path

from dbexp.mini.world import SUBJECTS, draw, instance_scenes

SHIPPED = Path(__file__).parent / "photos"
SIZE = 128  # pixels: more than the models take, as with real photos
COUNTS = {"mini_style": 6}  # a look needs more to be told from what it shows
COUNT = 5


def write_photos(folder: Path) -> list[Path]:
    """Draw folder/<subject>/00.png, 01.png, ... of every subject, 128 x 128 RGB; returns the files."""
    files = []
    for name in SUBJECTS:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, scene in enumerate(instance_scenes(name, COUNTS.get(name, COUNT))):
            files.append(folder / name / f"{number:02}.png")
            draw(scene, SIZE).save(files[-1], optimize=True)
    return files


if __name__ == "__main__":
    print(f"drew {len(write_photos(Path(sys.argv[1]) if sys.argv[1:] else SHIPPED))} pictures")
