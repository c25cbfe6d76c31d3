from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from tests.unit.canary.house import config, metric
from tests.unit.canary.recorded import BEGAN, alike, broken, errors, record
from turnout.canary.page import build_page
from turnout.canary.reports import build_report
from turnout.model.analysis import AnalysisVerdict
from turnout.model.report import Report

LATER = BEGAN + timedelta(minutes=5)
END = timedelta(minutes=2)
_VOID = {"meta", "br"}


class Checker(HTMLParser):
    """Every element is closed in order; notes what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        found = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [v for n, v in found.items() if n in ("href", "src", "xlink:href") and v]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(report: Report) -> Checker:
    checker = Checker()
    checker.feed(build_page(report))
    assert checker.open == []
    assert len(checker.ids) == len(set(checker.ids))
    return checker


def failed() -> Report:
    ended = record(AnalysisVerdict.FAIL, "Failed after 20 s.", ended_after=END)
    return build_report(ended, broken(), None, LATER)


@pytest.mark.parametrize("verdict", AnalysisVerdict)
def test_a_page_is_well_formed_for_every_verdict(verdict: AnalysisVerdict) -> None:
    ended = END if verdict.is_end else None
    for slices in (alike(20), ()):
        checked(build_report(record(verdict, "so it is", ended_after=ended), slices, None, LATER))


def test_it_needs_nothing_from_elsewhere() -> None:
    page, checker = build_page(failed()), checked(failed())
    assert not {"script", "link", "img", "iframe", "object", "form"} & checker.seen
    assert all(re.match(r"#|samples$|\.\./d-1\.analyse-50$", link) for link in checker.links)
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page


def test_the_sentence_comes_before_the_pictures_and_these_before_the_numbers() -> None:
    page = build_page(failed())
    headline = page.index("<h1>The canary failed: shop-v004 does worse than shop-v003.</h1>")
    assert headline < page.index("What decided it") < page.index("<svg") < page.index("<dl>")


def test_every_picture_is_xml_with_a_title_for_those_who_do_not_see_it() -> None:
    pictures = re.findall(r"<svg.*?</svg>", build_page(failed()), re.S)
    assert len(pictures) == 7  # three of each metric, and the other threshold of the latency
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root[0].tag == "title"
        assert root.get("aria-labelledby") == root[0].get("id")
        assert "nan" not in picture
        assert "inf" not in picture


def test_names_from_outside_are_text_and_never_markup() -> None:
    hostile = '<script>alert("x")</script>&'
    named = config(metric(hostile, "proportion", "errors"))
    kept = record(
        AnalysisVerdict.FAIL,
        hostile,
        configuration=named,
        notes=(hostile,),
        judges=(hostile,),
        ended_after=END,
    )
    report = build_report(kept, (errors(0.15, 0.02, name=hostile),), None, LATER)
    assert "<script" not in build_page(report)
    assert "script" not in checked(report).seen


def test_only_a_page_of_something_that_goes_on_reloads_itself() -> None:
    running = build_report(record(), alike(20), None, LATER)
    assert 'http-equiv="refresh"' in build_page(running)
    assert 'http-equiv="refresh"' not in build_page(failed())


def test_of_many_metrics_the_rest_is_folded() -> None:
    many = config(*(metric(f"metric {n}", "proportion", "errors") for n in range(30)))
    slices = tuple(errors(0.02, 0.02, 20, name=f"metric {n}") for n in range(30))
    page = build_page(build_report(record(configuration=many), slices, None, LATER))
    assert "22 more metrics" in page
    assert page.count('<details class="card') == 22
