"""What all documents for Envoy have in common. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]
"""A JSON object as Envoy reads it: deep and irregular, so its values are not typed."""

_TYPES = "type.googleapis.com/"


def build_typed(kind: str, **fields: Any) -> Document:
    """An object with its protobuf type, as Envoy wants it wherever several types may stand."""
    return {"@type": _TYPES + kind, **fields}


def build_response(version: str, resources: Sequence[Document]) -> Document:
    """A file of resources. Envoy reports the version of the one that it has accepted."""
    return {"version_info": version, "resources": list(resources)}


def build_file_source(path: str) -> Document:
    """Where to find a file of resources; a path below the folder in which Envoy runs."""
    return {"resource_api_version": "V3", "path_config_source": {"path": path}}


def build_address(host: str, port: int) -> Document:
    """A TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}
