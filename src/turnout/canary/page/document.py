"""The page from top to bottom: the verdict first, numbers last."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from html import escape
from pathlib import Path

from turnout.canary.page.cards import MARKS, draw_card, standing_words
from turnout.model.analysis import AnalysisVerdict
from turnout.model.report import MetricReport, Report, window_words

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""What a browser may load for the page: its own style, nothing else."""

REFRESH = 5
"""Seconds, while the comparison goes on."""

UNFOLDED = 8
"""Cards that are open; and rows of the table."""

_STYLE = Path(__file__).with_name("style.css")

_VERDICTS = {
    AnalysisVerdict.PASS: ("good", "✓", "Passed"),
    AnalysisVerdict.FAIL: ("bad", "✗", "Failed"),
    AnalysisVerdict.RUNNING: ("going", "…", "Running"),
    AnalysisVerdict.ASKING: ("wait", "?", "Waiting for a person"),
    AnalysisVerdict.INCONCLUSIVE: ("wait", "?", "No verdict"),
    AnalysisVerdict.ERROR: ("wait", "!", "No verdict"),
}

_READING = (
    "The canary is the new version, the baseline the old one. Both were started at the same time "
    "and got the same kind of requests, so what moves both lines alike is not the canary's doing. "
    "A difference counts as harm only when chance alone would almost never show one as large; how "
    "rare it must be is fixed beforehand, so that a fine canary is failed once in a hundred times "
    "at most, however often one looks."
)


def build_page(report: Report) -> str:
    """One HTML text. It asks for itself again while the comparison goes on."""
    going_on = report.ended_at is None
    refresh = f'<meta http-equiv="refresh" content="{REFRESH}">' if going_on else ""
    sections = (
        _verdict(report),
        _reasons(report),
        _windows(report),
        _glance(report),
        *_cards(report),
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="light dark">{refresh}'
        f"<title>{escape(_VERDICTS[report.verdict][2])}: {escape(report.canary)}, canary of "
        f"{escape(report.cluster)}</title>"
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        + "".join(sections)
        + "".join(_rest(report))
        + "</main></body></html>\n"
    )


def _verdict(report: Report) -> str:
    kind, mark, word = _VERDICTS[report.verdict]
    return (
        f'<header class="verdict {kind}"><span class="mark" aria-hidden="true">{mark}</span><div>'
        f'<p class="word">{word}</p><h1>{escape(report.headline)}</h1>'
        f"<p>{escape(report.compared)}</p></div></header>"
    )


def _reasons(report: Report) -> str:
    title = "What decided it" if report.ended_at else "How it stands"
    told = "".join(f"<p>{escape(reason)}</p>" for reason in report.reasons)
    return f"<section><h2>{title}</h2>{told}{_how_to_answer(report)}{_together(report)}</section>"


def _how_to_answer(report: Report) -> str:
    if report.verdict is not AnalysisVerdict.ASKING:
        return ""
    command = f"turnout canary answer {report.id} pass"
    return f"<p>To answer: <code>{escape(command)}</code>, or <code>fail</code>.</p>"


def _together(report: Report) -> str:
    """The evidence of all metrics, or the score."""
    if report.score is not None:
        groups = "".join(
            f"<li>{escape(group.name)}: {group.score:g}"
            f"{f', worth {group.weight:g} %' if group.weight is not None else ''}</li>"
            for group in report.groups
        )
        score = f"<strong>Score {report.score:g} of 100</strong>"
        return f"<p>{score}{_limits(report)}.</p><ul>{groups}</ul>"
    if report.peak_e_value is None or report.needed_e_value is None:
        return ""
    return (
        f"<p>All metrics together: {_rarity(report.chance)}; it counts as harm from "
        f"{escape(report.needed)} on.</p>{_meter(report.peak_e_value, report.needed_e_value)}"
    )


def _limits(report: Report) -> str:
    passes, fails = report.pass_score, report.marginal_score
    limits = ["" if passes is None else f"{passes:g} passes"]
    limits += ["" if fails is None else f"up to {fails:g} fails at once"]
    told = "; ".join(limit for limit in limits if limit)
    return told and f" ({told})"


def _windows(report: Report) -> str:
    """Every judgement, made or to come."""
    if not report.windows:
        return ""
    is_over = report.ended_at is not None
    rows = "".join(
        f'<tr><th scope="row">{window.number}</th>'
        f"<td>{window.start:%Y-%m-%d %H:%M:%S} to {window.end:%Y-%m-%d %H:%M:%S} UTC</td>"
        f"<td>{'' if window.score is None else f'{window.score:g}'}</td>"
        f"<td>{escape(window_words(window, is_over=is_over))}"
        f"<small>{escape(window.reason)}</small></td></tr>"
        for window in report.windows
    )
    head = (
        '<thead><tr><th scope="col">judgement</th><th scope="col">of the figures from</th>'
        '<th scope="col">score</th><th scope="col">verdict</th></tr></thead>'
    )
    table = f"<table>{head}<tbody>{rows}</tbody></table>"
    return (
        f"<section><h2>{len(report.windows)} judgements</h2>{table}"
        '<p class="faint">What stands below is of the last one that was made.</p></section>'
    )


def _rarity(chance: str) -> str:
    if "1 in" not in chance:
        return escape(chance)
    return f"chance alone would show this in {escape(chance)} canaries"


def _glance(report: Report) -> str:
    is_over = report.ended_at is not None
    rows = [_row(metric, n, is_over=is_over) for n, metric in enumerate(report.metrics)]
    has_odds = any(metric.words.chance for metric in report.metrics)
    last = "chance alone" if has_odds else "found"
    head = (
        '<thead><tr><th scope="col">metric</th><th scope="col" class="wide">canary</th>'
        '<th scope="col" class="wide">baseline</th><th scope="col">difference</th>'
        f'<th scope="col">{last}</th></tr></thead>'
    )
    more = ""
    if len(rows) > UNFOLDED + 2:
        rest = "".join(rows[UNFOLDED:])
        more = (
            f"<details><summary>{len(rows) - UNFOLDED} more metrics</summary>"
            f"<table>{head}<tbody>{rest}</tbody></table></details>"
        )
        rows = rows[:UNFOLDED]
    table = f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"
    return f"<section><h2>All metrics at a glance</h2>{table}{more}</section>"


def _row(metric: MetricReport, number: int, *, is_over: bool) -> str:
    words = metric.words
    if metric.peak_e_value is None or metric.needed_e_value is None:
        found = escape(metric.classification)
    else:
        meter = _meter(metric.peak_e_value, metric.needed_e_value)
        found = f"{escape(words.chance)}{meter}<small>harm from {escape(words.needed)}</small>"
    standing = standing_words(metric, is_over=is_over)
    return (
        f'<tr class="{metric.standing.value}"><th scope="row">'
        f'<span class="mark" aria-hidden="true">{MARKS[metric.standing]}</span> '
        f'<a href="#metric-{number}">{escape(words.name)}</a>'
        f"<small>{escape(standing)}</small></th>"
        f'<td class="wide">{escape(words.canary)}</td>'
        f'<td class="wide">{escape(words.baseline)}</td>'
        f"<td>{escape(words.difference)}</td><td>{found}</td></tr>"
    )


def _meter(peak: float, needed: float) -> str:
    """How far the evidence has come, on the scale on which it grows."""
    part = min(1.0, math.log(max(peak, 1.0)) / math.log(max(needed, 1.1)))
    return (
        f'<span class="meter" aria-hidden="true"><span style="width:{100 * part:.0f}%"></span>'
        "</span>"
    )


def _cards(report: Report) -> Iterator[str]:
    if not report.metrics:
        return
    is_over = report.ended_at is not None
    yield "<section><h2>Metric by metric</h2>"
    for number, metric in enumerate(report.metrics):
        yield draw_card(metric, number, is_over=is_over, is_folded=number >= UNFOLDED)
    yield "</section>"


def _rest(report: Report) -> Iterator[str]:
    if report.left_out:
        told = "".join(
            f"<li>{escape(one.name)}: {escape(one.reason)}</li>" for one in report.left_out
        )
        yield f"<section><h2>What was left out</h2><ul>{told}</ul></section>"
    if report.notes:
        told = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
        yield f"<section><h2>What makes the comparison less fair</h2><ul>{told}</ul></section>"
    config = escape(json.dumps(report.config, indent=2, ensure_ascii=False))
    yield (
        f"<section><details><summary>How to read this page</summary><p>{_READING}</p></details>"
        f"<details><summary>The configuration</summary><pre>{config}</pre></details>"
        f'<p class="faint">{escape(report.id)}, as of {report.made_at:%Y-%m-%d %H:%M:%S} UTC, '
        f"judged by {escape(report.judge)}. Behind it: "
        f'<a href="../{escape(report.id)}">the report as JSON</a>, '
        '<a href="samples">the raw samples</a>; or '
        f"<code>turnout canary show {escape(report.id)}</code>.</p></section>"
    )
