"""Templates of queries: `${name}` is replaced by what is known of a scope. Pure.

An unknown name is an error and never an empty text: a query without its condition would compare
something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from turnout.model.canary.queries import Query
from turnout.model.canary.request import CanaryScope
from turnout.model.errors import InvalidDocument, Problem
from turnout.model.words import nearest

_PROTECTED = re.compile(r"\$\\\{")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def choose_template(query: Query, templates: Mapping[str, str]) -> tuple[str, str] | None:
    """The template of a query, unprotected, and where it stands; None when it has none.

    The one in the query wins over a named one. Raises `InvalidDocument` for a name that is not
    there, and for the retired `customFilter`.
    """
    if getattr(query, "custom_filter", None):
        raise refused("query.customFilter", "this field is retired: write customFilterTemplate")
    inline = getattr(query, "custom_inline_template", None)
    if inline:
        return unprotect(inline), "query.customInlineTemplate"
    name = getattr(query, "custom_filter_template", None)
    if not name:
        return None
    if name not in templates:
        raise refused(
            "query.customFilterTemplate",
            f"there is no template {name!r} in templates",
            nearest(name, templates),
        )
    return unprotect(templates[name]), f"templates.{name}"


def expand(template: str, bindings: Mapping[str, str], path: str) -> str:
    """The template with its variables replaced. `path` is where it stands.

    Raises `InvalidDocument` for a variable that is not bound.
    """
    unknown = [name for name in variables(template) if name not in bindings]
    if unknown:
        problems = tuple(
            Problem(f"nothing is known for ${{{name}}}", path, nearest=nearest(name, bindings))
            for name in unknown
        )
        raise InvalidDocument(f"Problem evaluating custom filter template: {template}", problems)
    return _VARIABLE.sub(lambda found: bindings[found[1].strip()], template)


def bind(
    attributes: Iterable[str],
    query: Query,
    scope: CanaryScope,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What the variables of a template stand for; later ones win: the store's base attributes from
    the scope, then from the query, what the store adds (`more`), the extended parameters.

    Raises `InvalidDocument` for an attribute that a scope does not have.
    """
    known = attributes_of(scope)
    bindings: dict[str, str] = {}
    for name in attributes:
        if name not in known:
            raise refused("scope", f"Unable to find property '{name}'.")
        own = query.model_dump(by_alias=True, include={_snake(name)}).get(name)
        for value in (known[name], own):
            if value:
                bindings[name] = str(value)
    return {**bindings, **(more or {}), **scope.extended_scope_params}


def attributes_of(scope: CanaryScope) -> dict[str, str]:
    """A scope's attributes by the names that templates use; empty = not given."""
    extended = scope.extended_scope_params
    return {
        "scope": scope.scope or "",
        "location": scope.location or "",
        "step": str(scope.step),
        "project": extended.get("project", ""),
        "resourceType": extended.get("resourceType", ""),
    }


def variables(template: str) -> list[str]:
    """The names of its variables, in order, each once."""
    return list(dict.fromkeys(name.strip() for name in _VARIABLE.findall(template)))


def unprotect(text: str) -> str:
    """Undo the protection under which a template travels: `$\\{name}` means `${name}`."""
    return _PROTECTED.sub("${", text)


def protect(text: str) -> str:
    """Protect a template against whoever else replaces `${name}` on its way."""
    return text.replace("${", "$\\{")


def refused(path: str, message: str, near: str = "") -> InvalidDocument:
    """The error for one mistake in a query."""
    problem = Problem(message, path, nearest=near)
    return InvalidDocument(f"This query cannot be asked: {problem}", (problem,))


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)
