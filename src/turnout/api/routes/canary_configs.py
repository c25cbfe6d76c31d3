"""Canary configurations: stored in versions, checked, compared. One is built in."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from turnout.api.bodies import CanaryConfigBody, CanaryConfigText, ConfigPath
from turnout.api.problems import RESPONSES
from turnout.api.routes.parts import TheBackend
from turnout.api.views import ConfigChecked, ConfigDiff, ConfigKept, ProblemItem
from turnout.documents.canary import (
    DEFAULT_NAME,
    ReadConfig,
    compare,
    default_config,
    read_canary_config,
)
from turnout.model.analysis import ConfigVersion
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import to_json_value
from turnout.model.canary.stored import ConfigSummary, ConfigVersionLine, ConfigView
from turnout.model.errors import Conflict, NotFound
from turnout.model.value import Value
from turnout.ports import CanaryArchive

router = APIRouter(prefix="/canary/configs", tags=["canary"], responses=RESPONSES)

Version = Annotated[int, Field(ge=0, le=1_000_000)]


class Which(Value):
    """Which version."""

    version: Version | None = None
    """Not given: the newest."""


class Between(Value):
    """Which versions are compared."""

    before: Annotated[Version | None, Field(alias="from")] = None
    """Not given: the one before `to`."""
    after: Annotated[Version | None, Field(alias="to")] = None
    """Not given: the newest."""


@router.get("", summary="All canary configurations")
async def list_configs(backend: TheBackend) -> tuple[ConfigSummary, ...]:
    """The newest version of each, by name, and the one that is built in first."""
    stored = [_view(config) for config in await backend.canaries.list_configs()]
    return tuple(_summary(view) for view in (_built_in(), *stored))


@router.post("/check", summary="Check a canary configuration")
async def check_config(body: CanaryConfigText) -> ConfigChecked:
    """The document as it would be kept; 422 with all mistakes at once."""
    read = await _read(body)
    return ConfigChecked(document=_document(read.config), warnings=_warnings(read))


@router.get("/{name}", summary="One canary configuration")
async def read_config(
    name: ConfigPath, which: Annotated[Which, Query()], backend: TheBackend
) -> ConfigView:
    """Its newest version, or another one."""
    return await _find(backend.canaries, name, which.version)


@router.put("/{name}", summary="Keep a canary configuration")
async def keep_config(name: ConfigPath, body: CanaryConfigBody, backend: TheBackend) -> ConfigKept:
    """A new version under this name, whatever name the document has; the same document as the
    newest version is that version again."""
    _refuse_built_in(name)
    read = await _read(body, stored_as=name)
    kept = await backend.canaries.record_config(
        name, _document(read.config), by=body.by, at=backend.clock.now()
    )
    return ConfigKept(config=_view(kept), warnings=_warnings(read))


@router.delete("/{name}", status_code=204, summary="Delete a canary configuration")
async def delete_config(name: ConfigPath, backend: TheBackend) -> None:
    """All versions of it. Canaries that run, and the journal, keep their copies."""
    _refuse_built_in(name)
    await backend.canaries.delete_config(name)


@router.get("/{name}/versions", summary="The versions of a canary configuration")
async def list_versions(name: ConfigPath, backend: TheBackend) -> tuple[ConfigVersionLine, ...]:
    """Newest first."""
    if name == DEFAULT_NAME:
        return (ConfigVersionLine(version=0),)
    versions = await backend.canaries.list_config_versions(name)
    return tuple(
        ConfigVersionLine(version=one.version, by=one.by, at=one.at) for one in versions[::-1]
    )


@router.get("/{name}/diff", summary="What differs between two versions")
async def compare_versions(
    name: ConfigPath, between: Annotated[Between, Query()], backend: TheBackend
) -> ConfigDiff:
    """Of one canary configuration; without numbers, between the two newest ones."""
    after = await _find(backend.canaries, name, between.after)
    one_before = max(after.version - 1, min(after.version, 1))  # the first one has none
    number = one_before if between.before is None else between.before
    before = await _find(backend.canaries, name, number)
    return ConfigDiff(
        name=name,
        before=before.version,
        after=after.version,
        changes=compare(before.document, after.document),
    )


async def _read(body: CanaryConfigText, stored_as: str = "") -> ReadConfig:
    """Read in a thread: a large document must not hold up everybody else."""
    return await asyncio.to_thread(
        read_canary_config, body.text, name=body.name, stored_as=stored_as
    )


async def _find(canaries: CanaryArchive, name: str, version: int | None) -> ConfigView:
    if name != DEFAULT_NAME:
        return _view(await canaries.read_config(name, version))
    if version:
        raise NotFound(
            f"The canary configuration {DEFAULT_NAME!r} has no version {version}",
            hint="It is built in, and has no versions.",
        )
    return _built_in()


def _refuse_built_in(name: str) -> None:
    if name == DEFAULT_NAME:
        raise Conflict(
            f"The canary configuration {DEFAULT_NAME!r} is built in and stays as it is",
            hint="Export it, and import your own under another name.",
        )


def _built_in() -> ConfigView:
    return ConfigView(name=DEFAULT_NAME, version=0, document=_document(default_config()))


def _view(config: ConfigVersion) -> ConfigView:
    return ConfigView(
        name=config.name,
        version=config.version,
        document=config.document,
        by=config.by,
        at=config.at,
    )


def _summary(view: ConfigView) -> ConfigSummary:
    document = CanaryConfig.model_validate(view.document)
    return ConfigSummary(
        name=view.name,
        version=view.version,
        description=document.description or "",
        judge=(document.judge and document.judge.name) or "",
        metrics=len(document.metrics),
        by=view.by,
        at=view.at,
    )


def _document(config: CanaryConfig) -> dict[str, Any]:  # may hold properties that we do not know
    document = to_json_value(config)
    assert isinstance(document, dict)  # noqa: S101 - what a document is
    return document


def _warnings(read: ReadConfig) -> tuple[ProblemItem, ...]:
    return tuple(ProblemItem.of(problem) for problem in read.warnings)
