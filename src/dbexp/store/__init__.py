"""The content-keyed store: what was made once is found again by everything that made it.

It imports nothing of ours but errors, and knows no kind: class images, latents and text states are items like any
others. `python -m dbexp.store` lists, verifies and prunes it.
"""

from dbexp.store.entry import ITEMS, LOCK, MANIFEST, Entry, Store
from dbexp.store.whole import sha256_of, write_whole

__all__ = ["ITEMS", "LOCK", "MANIFEST", "Entry", "Store", "sha256_of", "write_whole"]
