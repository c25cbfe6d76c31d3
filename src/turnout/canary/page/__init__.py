"""The report as a page: one text, with its style and its pictures in it, that needs no network.

Pure: a report in, HTML out.
"""

from turnout.canary.page.document import POLICY, build_page

__all__ = ["POLICY", "build_page"]
