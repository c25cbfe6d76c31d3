"""What a metric's query is, and what it answers: for writing configurations."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from pydantic import JsonValue

from turnout.api.backend import Backend
from turnout.api.bodies import QueryBody
from turnout.api.chosen import read_chosen
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.api.views import QueryView
from turnout.canary.analyst import STORE_SETTLING
from turnout.model.canary.configuration import CanaryConfig, MetricConfig
from turnout.model.canary.document import read_document
from turnout.model.canary.queries import ProcessQuery, Query, RouterQuery
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import nearest

router = APIRouter(prefix="/canary", tags=["canary"], responses=RESPONSES)

USUAL = timedelta(minutes=15)
MOST_STEPS = 20_000


@router.post("/queries", summary="Try a query")
async def ask(body: QueryBody, backend: TheBackend) -> QueryView:
    """Expand the query of a metric, or one that is sent, and ask its source."""
    query, templates = await _query(backend, body)
    scope = _scope(body, query, backend)
    text = backend.figures.describe(query, scope, templates)
    series = await backend.figures.fetch(query, scope, templates)
    return QueryView(
        type=query.type,
        text=text,
        start=scope.start,
        end=scope.end,
        step_seconds=scope.step,
        series=series,
        warnings=backend.figures.warnings,
    )


async def _query(backend: Backend, body: QueryBody) -> tuple[Query, dict[str, str]]:
    if body.query is not None:
        document: JsonValue = {"metrics": [{"name": "query", "query": body.query}]}
        sent = read_document(CanaryConfig, document).metrics[0].query
        assert sent is not None  # noqa: S101 - it was there
        return sent, {}
    config = await read_chosen(backend, body.config)
    metric = _metric(config, body.metric)
    query = metric.exposure_query if body.exposure else metric.query
    if query is None:
        what = "exposureQuery" if body.exposure else "query"
        raise _refused(f"the metric {metric.name!r} has no {what}", what)
    return query, dict(config.templates)


def _metric(config: CanaryConfig, name: str) -> MetricConfig:
    names = [metric.name for metric in config.metrics]
    if name not in names:
        known = ", ".join(names) or "none"
        raise _refused(f"there is no metric {name!r}; there are {known}", "metric", name, names)
    return config.metrics[names.index(name)]


def _scope(body: QueryBody, query: Query, backend: Backend) -> CanaryScope:
    end = body.end or backend.clock.now() - STORE_SETTLING
    start = body.start or end - USUAL
    step = body.step or (10 if isinstance(query, RouterQuery | ProcessQuery) else 60)
    if not timedelta(0) < end - start <= step * MOST_STEPS * timedelta(seconds=1):
        raise _refused(f"must be later than start, by at most {MOST_STEPS} steps", "end")
    return CanaryScope(
        scope=body.scope or None,
        location=body.location or None,
        start=start,
        end=end,
        step=step,
        extended_scope_params=body.parameters,
    )


def _refused(message: str, path: str, name: str = "", known: list[str] | None = None) -> Exception:
    problem = Problem(message, path, nearest=nearest(name, known or []) if name else "")
    return InvalidDocument(f"Cannot ask: {message}", (problem,))
