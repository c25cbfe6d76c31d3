"""The description of the API as a page: nothing in it comes from another server. Pure."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2530; background: #fff }
h1, h2 { line-height: 1.2 } code { font: 13px ui-monospace, monospace }
section { border: 1px solid #d4dae1; border-radius: 6px; margin: 0 0 1rem; padding: .6rem 1rem }
.verb { display: inline-block; min-width: 4rem; font-weight: 600 } .type { color: #5a6775 }
table { border-collapse: collapse } td { padding: .1rem 1rem .1rem 0; vertical-align: top }
@media (prefers-color-scheme: dark) { body { color: #dfe5ec; background: #14181d }
  section { border-color: #36404b } .type { color: #97a5b4 } }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""What a browser may load for the page: its own style, nothing else."""


def build_docs(openapi: dict[str, Any], path: str) -> str:
    """The page for an OpenAPI document, which is at `path`."""
    info = openapi["info"]
    sections = [
        _section(verb, route, operation, openapi)
        for route, operations in openapi["paths"].items()
        for verb, operation in operations.items()
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info.get('description', ''))}</p>"
        f'<p>For programs: <a href="{escape(path)}"><code>{escape(path)}</code></a></p>'
        + "".join(sections)
        + "</html>"
    )


def _section(verb: str, route: str, operation: dict[str, Any], openapi: dict[str, Any]) -> str:
    return (
        f'<section><h2><code><span class="verb">{escape(verb.upper())}</span> '
        f"{escape(route)}</code></h2><p><strong>{escape(operation.get('summary', ''))}.</strong> "
        f"{escape(operation.get('description', ''))}</p>"
        f"<table>{_parameters(operation)}{_body(operation, openapi)}</table>"
        f"<p>Answers: {_answers(operation)}</p></section>"
    )


def _parameters(operation: dict[str, Any]) -> str:
    return "".join(
        _row(p["name"], f"{p['in']}, {_type(p['schema'])}", p.get("description", ""))
        for p in operation.get("parameters", ())
    )


def _body(operation: dict[str, Any], openapi: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    found = openapi.get("components", {}).get("schemas", {}).get(name, {})
    required = found.get("required", ())
    return "".join(
        _row(
            field,
            f"body, {_type(part)}{', required' if field in required else ''}",
            part.get("description", ""),
        )
        for field, part in found.get("properties", {}).items()
    )


def _row(name: str, kind: str, description: str) -> str:
    return (
        f'<tr><td><code>{escape(name)}</code></td><td class="type">{escape(kind)}</td>'
        f"<td>{escape(description)}</td></tr>"
    )


def _answers(operation: dict[str, Any]) -> str:
    return "; ".join(
        f"{escape(status)} {escape(answer.get('description', ''))} "
        f'<span class="type">{escape(", ".join(_shown(answer)))}</span>'
        for status, answer in operation.get("responses", {}).items()
    )


def _shown(answer: dict[str, Any]) -> list[str]:
    return [
        f"{media}: {_type(content.get('schema', {}))}"
        for media, content in answer.get("content", {}).items()
    ]


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("title") if "properties" in schema else schema.get("type", "any"))
