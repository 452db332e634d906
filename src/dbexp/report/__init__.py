"""The page of one run: report.html, made of what lies in the run folder. `python -m dbexp.report RUN_DIR` makes it.

It measures and draws nothing itself. The page is one file that needs no network: pictures are embedded, charts are SVG
in the text of the page. A plotting library's script would add 4.5 MB to every page, would not follow the reader's
colour scheme, and would print as it happened to look on the screen; these charts take a few kilobytes each, and do.
"""

from dbexp.report.build import write_report

__all__ = ["write_report"]
