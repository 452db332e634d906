"""Trains the bundled mini models from scratch on the drawn world: see `python -m dbexp.mini.pretrain`.

Pictures first, then every model reads what it needs from one folder and writes its own part of it. Nothing in the core
imports this room.
"""

from dbexp import quiet

quiet.imports()  # before a file of this room imports transformers
