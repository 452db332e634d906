"""What the store says of its own making, for tests that count it."""

import json
from pathlib import Path


def puts(cache: Path) -> list[str]:
    """Every item that was ever put into a store, "<kind>/<digest>/<item>", as often as it was."""
    records = {file.parent.relative_to(cache): file.read_text().splitlines() for file in cache.glob("*/*/items.jsonl")}
    return [f"{entry}/{json.loads(line)['item']}" for entry, lines in records.items() for line in lines if line]
