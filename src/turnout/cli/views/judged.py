"""The result document of a judge, as a table in words."""

from __future__ import annotations

import math

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.views.words import BAD, FAINT, GOOD, WAIT, clean
from turnout.model.canary.result import Classification, JudgeResult, MetricResult, Verdict

_STYLES = {
    Classification.PASS: GOOD,
    Classification.HIGH: BAD,
    Classification.LOW: BAD,
    Classification.NO_DATA_FAIL: BAD,
}
_VERDICTS = {Verdict.PASS: GOOD, Verdict.MARGINAL: WAIT, Verdict.FAIL: BAD}


def judged_view(result: JudgeResult) -> RenderableType:
    """One line for each pair, one for each group, and the score."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=FAINT)
    for column in ("metric", "found", "ratio", "baseline", "canary", "why"):
        table.add_column(column)
    for one in result.results:
        table.add_row(*_row(one))
    groups = ", ".join(f"{clean(g.name)} {g.score:g}" for g in result.group_scores)
    score = result.score
    told = Text.assemble(
        (score.classification.value, _VERDICTS[score.classification]),
        f": score {score.score:g} of 100, by {clean(result.judge_name)}",
        f" ({groups})" if groups else "",
    )
    reason = clean(score.classification_reason)
    return Group(table, Text(), told, *([Text(reason)] if reason else []))


def _row(one: MetricResult) -> tuple[Text, ...]:
    tags = ", ".join(f"{key}:{value}" for key, value in sorted(one.tags.items()))
    marks = [word for word, is_so in (("critical", one.critical), ("muted", one.muted)) if is_so]
    found = one.classification.value + (f" ({', '.join(marks)})" if marks else "")
    ratio = one.result_metadata.ratio if one.result_metadata else None
    sides = (one.control_metadata.stats, one.experiment_metadata.stats)
    return (
        Text(clean(f"{one.name} {{{tags}}}" if tags else one.name)),
        Text(found, _STYLES.get(one.classification, WAIT)),
        Text("-" if ratio is None or math.isnan(ratio) else f"{ratio:.3g}"),
        *(Text(f"{side.mean:.4g}" if side and side.count else "-") for side in sides),
        Text(clean(one.classification_reason or "")),
    )
