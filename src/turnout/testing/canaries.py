"""The port `CanaryArchive` in memory: same promises as the one in SQL, gone with the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from turnout.model.analysis import AnalysisRecord, ConfigVersion, Judgment
from turnout.model.canary.stored import DEFAULT_NAME
from turnout.model.errors import NotFound
from turnout.model.value import Value
from turnout.model.words import nearest

V = TypeVar("V", bound=Value)


class MemoryCanaryArchive:
    """Implements `CanaryArchive`. What is read has been JSON once, as with a database."""

    def __init__(self) -> None:
        self._analyses: dict[str, AnalysisRecord] = {}
        self._evidence: dict[str, dict[int, str]] = {}
        self._judgments: dict[str, Judgment] = {}
        self._configs: dict[str, list[ConfigVersion]] = {}

    async def record_analysis(self, record: AnalysisRecord) -> None:
        self._analyses[record.analysis.id] = _written(record)

    async def read_analysis(self, analysis: str) -> AnalysisRecord:
        if analysis not in self._analyses:
            raise NotFound(f"There is no analysis {analysis!r}")
        return self._analyses[analysis]

    async def list_analyses(
        self,
        *,
        cluster: str = "",
        deployment: str = "",
        unfinished: bool = False,
        limit: int = 50,
    ) -> tuple[AnalysisRecord, ...]:
        found = [
            record
            for record in self._analyses.values()
            if cluster in ("", record.analysis.cluster)
            and deployment in ("", record.deployment)
            and not (unfinished and record.ended_at is not None)
        ]
        return tuple(sorted(found, key=_place, reverse=True)[:limit])

    async def append_evidence(self, analysis: str, number: int, evidence: str) -> bool:
        known = self._evidence.setdefault(analysis, {})
        is_new = number not in known
        known.setdefault(number, evidence)
        return is_new

    async def read_evidence(self, analysis: str, first: int = 0) -> tuple[str, ...]:
        known = sorted(self._evidence.get(analysis, {}).items())
        return tuple(text for number, text in known if number >= first)

    async def record_judgment(self, judgment: Judgment) -> Judgment:
        return self._judgments.setdefault(judgment.analysis, judgment)

    async def read_judgment(self, analysis: str) -> Judgment | None:
        return self._judgments.get(analysis)

    async def record_config(
        self,
        name: str,
        document: Mapping[str, Any],  # JSON of any form
        *,
        by: str,
        at: datetime,
    ) -> ConfigVersion:
        versions = self._configs.setdefault(name, [])
        number, values = len(versions) + 1, dict(document)
        made = _written(ConfigVersion(name=name, version=number, document=values, by=by, at=at))
        if not versions or _text(versions[-1].document) != _text(made.document):
            versions.append(made)
        return versions[-1]

    async def read_config(self, name: str, version: int | None = None) -> ConfigVersion:
        versions = await self.list_config_versions(name)
        if version is None:
            return versions[-1]
        for one in versions:
            if one.version == version:
                return one
        raise NotFound(
            f"The canary configuration {name!r} has no version {version}",
            hint=f"Its newest version is {versions[-1].version}.",
        )

    async def list_configs(self) -> tuple[ConfigVersion, ...]:
        return tuple(versions[-1] for _, versions in sorted(self._configs.items()))

    async def list_config_versions(self, name: str) -> tuple[ConfigVersion, ...]:
        if name not in self._configs:
            near = nearest(name, [*self._configs, DEFAULT_NAME])
            raise NotFound(
                f"There is no canary configuration {name!r}",
                hint=f"Did you mean {near!r}?"
                if near
                else "`turnout canary config list` lists what there is.",
            )
        return tuple(self._configs[name])

    async def delete_config(self, name: str) -> None:
        await self.list_config_versions(name)
        del self._configs[name]


def _written(value: V) -> V:
    return type(value).model_validate_json(value.model_dump_json())


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True)


def _place(record: AnalysisRecord) -> tuple[datetime, str]:
    return record.began_at, record.analysis.id
