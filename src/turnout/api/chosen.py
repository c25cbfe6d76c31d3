"""The canary configuration that a request means: a stored one, or one that it brings."""

from __future__ import annotations

import asyncio

from turnout.api.backend import Backend
from turnout.api.bodies import ChosenConfig
from turnout.documents.canary import DEFAULT_NAME, default_config, read_canary_config
from turnout.model.canary.configuration import CanaryConfig
from turnout.model.canary.document import read_document


async def read_chosen(backend: Backend, chosen: ChosenConfig) -> CanaryConfig:
    """Raises `InvalidDocument` for a text with mistakes, `NotFound` for a name."""
    if chosen.text is not None:
        read = await asyncio.to_thread(read_canary_config, chosen.text, name=chosen.name)
        return read.config
    if chosen.name == DEFAULT_NAME:
        return default_config()
    stored = await backend.canaries.read_config(chosen.name)
    return read_document(CanaryConfig, stored.document)
