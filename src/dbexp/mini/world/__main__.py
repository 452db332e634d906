"""python -m dbexp.mini.world OUT.png [--size 64] [--seed 0]: a labelled contact sheet of the drawn world."""

import argparse
from pathlib import Path

from dbexp.mini.world.sheet import contact_sheet


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m dbexp.mini.world", description="Draw a contact sheet of the world."
    )
    parser.add_argument("out", type=Path, help="the picture to write, .png")
    parser.add_argument("--size", type=int, default=64, help="pixels of a picture's side (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (default 0)")
    args = parser.parse_args()
    if args.out.suffix != ".png" or not args.out.parent.is_dir():
        parser.error(f"{args.out} must end in .png and lie in a folder that exists")
    if not 16 <= args.size <= 512:
        parser.error(f"--size {args.size} is not within 16 and 512")
    contact_sheet(args.size, args.seed).save(args.out)


if __name__ == "__main__":
    main()
