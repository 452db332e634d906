"""Many finished runs beside each other: one table, one page, one answer. `python -m dbexp.compare FOLDER ...`

It runs, draws and measures nothing, and needs no torch: everything is read from the run folders. The unit of a claim is
the training seed: runs that differ only in it are one setting, and what one run of a setting scores says nothing about
the next one.
"""

from dbexp.compare.build import write_all, write_comparison
from dbexp.compare.cost import costs

__all__ = ["costs", "write_all", "write_comparison"]
