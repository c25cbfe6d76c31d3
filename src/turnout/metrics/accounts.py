"""Accounts of metrics systems: a file with where they are and how to be let in.

Which keys an account may have depends on its type; one table says it, and the reader reports every
mistake with its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from turnout.documents import texts
from turnout.documents.parts import POSITIVE_DURATION
from turnout.documents.report import Place, Report, Unreadable
from turnout.documents.scalars import is_null
from turnout.documents.shapes import OneOf, Parsed, Truth, Whole, Words
from turnout.documents.structures import Forms, Key, Made, MapOf, Record, Single, join
from turnout.documents.tree import MapNode, Node, Scalar, compose
from turnout.metrics.secrets import Secret
from turnout.model.errors import Permanent


@dataclass(frozen=True, slots=True)
class Account:
    """One metrics system, and how it is asked."""

    name: str
    type: str
    url: str
    timeout: timedelta = timedelta(seconds=10)
    """For one request and its answer."""
    at_once: int = 4
    """Requests that may be under way at the same time."""
    per_minute: int | None = None
    """Requests that may begin in a minute."""
    is_default: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    """What only this type has."""
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    headers: Mapping[str, Secret] = field(default_factory=dict)
    """Sent with every request. Each may be a secret."""

    def reveal(self, name: str) -> str:
        """One of its secrets; empty when the account has none of that name."""
        secret = self.secrets.get(name)
        return secret.reveal() if secret else ""


def _parse_url(text: str) -> str:
    parts = urlsplit(texts.parse_line(text))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not an address: write https://host:port/path")
    if parts.username or parts.password:
        raise ValueError("a password in an address ends up in logs: write user and password")
    if parts.query or parts.fragment:
        raise ValueError(f"{text!r} must end with its path: ? and # are not part of it")
    return text.rstrip("/")


def _secret(text: str) -> Secret:
    if not text.isascii():
        raise ValueError("must be plain characters (ASCII): others cannot be sent in a header")
    return Secret(text=texts.parse_line(text))


def _elsewhere(read: tuple[str, str]) -> Secret:
    kind, place = read
    if kind == "file":
        return Secret(file=Path(place).expanduser())
    return Secret(environment=place)


_SECRET = Forms[Secret](
    single=Parsed(_secret, {}),
    keyed=Made(
        Single(
            {
                "file": Key(Words(texts.parse_line), "A file with the secret in it."),
                "environment": Key(Words(texts.parse_line), "An environment variable."),
            }
        ),
        _elsewhere,
    ),
)
_TEXT = Words(texts.parse_line)
_URL = Key(Words(_parse_url), "Where it is, with the prefix of its paths.", required=True)

_SHARED = {
    "type": Key(_TEXT, "What it is.", required=True),
    "timeout": Key(POSITIVE_DURATION, "For one request. Default 10s."),
    "at_once": Key(Whole(1, 64), "Requests at the same time. Default 4."),
    "per_minute": Key(Whole(1, 100_000), "Requests that may begin in a minute. Default: any."),
    "default": Key(Truth(), "Whether queries that name no account come here."),
    "headers": Key(
        MapOf(texts.parse_token, texts.HEADER_PATTERN, _SECRET), "Sent with every request."
    ),
}
_LOGIN = {
    "token": Key(_SECRET, "Sent as Authorization: Bearer."),
    "user": Key(_TEXT, "Sent with the password."),
    "password": Key(_SECRET, "Sent with the user."),
}


def _optional(key: Key) -> Key:
    return Key(key.shape, key.about)


_KINDS: Mapping[str, Mapping[str, Key]] = {
    "prometheus": {
        "url": _URL,
        **_LOGIN,
        "scope_label": Key(_TEXT, "The label with the name of a gce_instance. Default instance."),
    },
    "influxdb": {
        "url": _URL,
        **_LOGIN,
        "database": Key(_TEXT, "Which database is asked.", required=True),
    },
    "graphite": {"url": _URL, **_LOGIN},
    "datadog": {
        "url": _optional(_URL),
        "token": Key(_SECRET, "The API key.", required=True),
        "application_key": Key(_SECRET, "The application key.", required=True),
    },
    "newrelic": {
        "url": _optional(_URL),
        "token": Key(_SECRET, "A user key.", required=True),
        "account_id": Key(Whole(1, 10**12), "Number of the account.", required=True),
        "scope_key": Key(_TEXT, "The attribute that holds the server group."),
        "location_key": Key(_TEXT, "The attribute that holds the location."),
    },
    "cloudwatch": {
        "url": _optional(_URL),
        "region": Key(_TEXT, "For example eu-west-1.", required=True),
        "access_key": Key(_SECRET, "Id of the key.", required=True),
        "secret_key": Key(_SECRET, "The key.", required=True),
        "session_token": Key(_SECRET, "Of credentials for a while."),
    },
}

TYPES = tuple(_KINDS)
"""Types of queries that an account can answer."""

_URLS = {
    "datadog": "https://api.datadoghq.com",
    "newrelic": "https://api.newrelic.com",
    "cloudwatch": "https://monitoring.{region}.amazonaws.com",
}
_DEFAULTS = {"prometheus": {"scope_label": "instance"}}
_FIELDS = frozenset({"timeout", "at_once", "per_minute"})


def known_keys() -> frozenset[str]:
    """The keys that an account may have, of whatever type."""
    return frozenset(_SHARED).union(*_KINDS.values())


def read_accounts(path: Path | None) -> tuple[Account, ...]:
    """The accounts of a file; none without one. Raises `InvalidDocument` with every mistake."""
    if path is None:
        return ()
    report = Report()
    accounts: list[Account] = []
    with suppress(Unreadable):  # what was wrong is in the report
        accounts = _read_all(compose(_read(path, report), report), report)
    if report.problems:
        raise report.error(f"the accounts in {path}")
    return tuple(accounts)


def _read(path: Path, report: Report) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise report.refuse(Place(), "", f"{path} cannot be read: {reason}") from error


def _read_all(tree: Node, report: Report) -> list[Account]:
    if not isinstance(tree, MapNode):
        raise report.refuse(tree.place, "", "must be accounts: a name, and what it is")
    read = [(key, _read_account(key.text, node, report)) for key, node in tree.entries]
    accounts = [(key, account) for key, account in read if account is not None]
    _check_defaults(accounts, report)
    return [account for _, account in accounts]


def _read_account(name: str, node: Node, report: Report) -> Account | None:
    try:
        kind = _read_type(name, node, report)
        values = Record({**_SHARED, **_KINDS[kind]}).read(node, name, report)
        account = _build(name, kind, values)
        _check_secrets(account, node, report)
        return account
    except Unreadable:
        return None


def _read_type(name: str, node: Node, report: Report) -> str:
    if not isinstance(node, MapNode):
        raise report.refuse(node.place, name, "a mapping with type and url is expected")
    kind = node.get("type")
    if kind is None or is_null(kind):
        raise report.refuse(node.place, join(name, "type"), f"is missing: {', '.join(TYPES)}")
    return OneOf(TYPES).read(kind, join(name, "type"), report)


def _build(name: str, kind: str, values: dict[str, Any]) -> Account:  # checked by the shapes
    secrets = {key: value for key, value in values.items() if isinstance(value, Secret)}
    own = _KINDS[kind].keys() - {"url"} - secrets.keys()
    options = {key: str(value) for key, value in values.items() if key in own}
    options = {**_DEFAULTS.get(kind, {}), **options}
    return Account(
        name=name,
        type=kind,
        url=values.get("url") or _URLS[kind].format(**options),
        is_default=values.get("default", False),
        options=options,
        secrets=secrets,
        headers=values.get("headers", {}),
        **{key: value for key, value in values.items() if key in _FIELDS},
    )


def _check_secrets(account: Account, node: Node, report: Report) -> None:
    """A secret that is not there is told now, not when a canary waits for figures."""
    if ("user" in account.options) != ("password" in account.secrets):
        report.add(node.place, account.name, "user and password belong together")
    if "token" in account.secrets and "user" in account.options:
        report.add(node.place, account.name, "has a token and a password: one is enough")
    given = {**account.secrets, **{f"headers.{n}": s for n, s in account.headers.items()}}
    for key, secret in given.items():
        try:
            secret.reveal()
        except Permanent as missing:
            report.add(node.place, join(account.name, key), missing.message)


def _check_defaults(accounts: Sequence[tuple[Scalar, Account]], report: Report) -> None:
    first: dict[str, str] = {}
    for key, account in accounts:
        if account.is_default and account.type in first:
            said = f"{first[account.type]} is the default for {account.type} already"
            report.add(key.place, join(account.name, "default"), said)
        elif account.is_default:
            first[account.type] = account.name
