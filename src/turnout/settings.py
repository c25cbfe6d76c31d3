"""How one Turnout server is set up: by the command line, the environment, a file, in this order.

Every setting has a name, `TURNOUT_<NAME>` in the environment and `name` in the file (by default
`turnout.yaml` in the data folder). May be imported by the server and the command line.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from turnout.documents.report import Place, Report, Unreadable
from turnout.documents.scalars import build_plain
from turnout.documents.tree import ListNode, MapNode, Node, compose
from turnout.model.freeze import Freeze
from turnout.model.words import nearest

FILE = "turnout.yaml"
METRICS_FILE = "metrics.yaml"
DEFAULT_DATA = Path("~/.local/share/turnout")

SHORTEST_TOKEN = 16
"""Characters of a token where other machines may try to guess it."""


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _ports(given: object) -> object:
    if isinstance(given, tuple | list):
        return given
    first, dash, last = str(given).partition("-")
    if not dash or not first.strip().isdecimal() or not last.strip().isdecimal():
        raise ValueError(f"{given!r} is not a range of ports: write 20000-29999")
    return int(first), int(last)


def _in_order(ports: tuple[int, int]) -> tuple[int, int]:
    first, last = ports
    if not 1024 <= first <= last <= 65535:
        raise ValueError(
            f"{first}-{last}: ports must be from 1024 to 65535, the first not above the last"
        )
    return ports


Folder = Annotated[Path, AfterValidator(_absolute)]
Ports = Annotated[tuple[int, int], NoDecode, BeforeValidator(_ports), AfterValidator(_in_order)]


class Settings(BaseSettings):
    """The settings of a server. Made by `read_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="TURNOUT_", env_ignore_empty=True, extra="forbid", frozen=True
    )

    data: Folder = Field(default=DEFAULT_DATA, validate_default=True)
    """Everything that Turnout keeps. One server at a time."""
    config: Folder | None = None
    """The file with more settings; None = `turnout.yaml` in the data folder, if there is one."""
    listen: str = "127.0.0.1:7600"
    """Address of the API. Other machines are let in only with a token. Port 0 = any free one."""
    token: SecretStr | None = None
    """What callers of the API must know."""
    token_file: Folder | None = None
    """A file with the token in it."""
    store: SecretStr | None = None
    """URL of the journal's database, which may hold a password; None = SQLite in `data`."""
    temporal: str = ""
    """Address of a Temporal service of your own; empty = one that Turnout runs."""
    temporal_binary: Folder | None = None
    envoy_binary: Folder | None = None
    """Programs of your own instead of those that were installed with Turnout."""
    metrics: Folder | None = None
    """The file with the accounts of metrics systems; None = `metrics.yaml` in the data folder, if
    there is one."""
    ports: Ports = (20000, 29999)
    """The first and the last port that instances get."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    """`auto` = for people in a terminal, JSON elsewhere."""
    stop_everything: bool = False
    """At the end of the server also end all instances and the router, and leave nothing running."""
    keep_events_days: Annotated[int, Field(ge=1)] = 90
    """How long single events are kept. What deployments did is kept for ever, unless"""
    keep_deployments_days: Annotated[int, Field(ge=1)] | None = None
    """this says how long."""
    keep_figures_days: Annotated[int, Field(ge=1)] = 7
    """How long figures of the router and of instances are kept, second by second."""
    freezes: tuple[Freeze, ...] = ()
    """When clusters must not be deployed."""

    @field_validator("listen")
    @classmethod
    def _is_address(cls, text: str) -> str:
        parse_address(text)
        return text

    @model_validator(mode="before")
    @classmethod
    def _read_token(cls, values: Any) -> Any:  # whatever was given, still unchecked
        if not isinstance(values, dict) or values.get("token") or not values.get("token_file"):
            return values
        path = Path(str(values["token_file"])).expanduser()
        try:
            token = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"token_file: {path} cannot be read: {_reason(error)}") from error
        if not token:
            raise ValueError(f"token_file: {path} is empty")
        return {**values, "token": token}

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.is_local:
            return self
        if self.token is None:
            raise ValueError(
                f"listen: other machines can reach {self.listen}, so a token is needed: "
                "set TURNOUT_TOKEN or token_file"
            )
        if len(self.token.get_secret_value()) < SHORTEST_TOKEN:
            raise ValueError(
                f"token: other machines can reach {self.listen}, so the token (TURNOUT_TOKEN or "
                f"token_file) needs at least {SHORTEST_TOKEN} characters; "
                "make one: head -c 24 /dev/urandom | base64"
            )
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the API."""
        return parse_address(self.listen)

    @property
    def metrics_file(self) -> Path | None:
        """The file with the accounts of metrics systems; None = there are none."""
        usual = self.data / METRICS_FILE
        return self.metrics or (usual if usual.exists() else None)

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the API."""
        host = self.address[0]
        return host == "localhost" or _is_loopback(host)


def read_settings(given: Mapping[str, object] | None = None) -> Settings:
    """The settings of this process. `given`: from the command line, None = not given.

    Raises `InvalidDocument` with every mistake.
    """
    wanted: dict[str, Any] = {  # unchecked so far
        n: v for n, v in (given or {}).items() if v is not None
    }
    report = Report()
    tree = None
    path = _find_file(wanted)
    try:
        if path is not None:
            tree = compose(_read(path, report), report)
            if not isinstance(tree, MapNode):
                raise report.refuse(tree.place, "", "must be settings with their values")
    except Unreadable as error:
        raise report.error(f"the settings in {path}") from error
    written = build_plain(tree) if tree is not None else {}
    assert isinstance(written, dict)  # noqa: S101 - of a mapping
    try:
        return _with_file(written)(**wanted)
    except ValidationError as error:
        beaten = {*wanted, *(n for n in written if os.environ.get(f"TURNOUT_{n.upper()}"))}
        for one in error.errors():
            _explain(one, report, tree if one["loc"] and one["loc"][0] not in beaten else None)
        raise report.error(f"the settings in {path}" if path else "the settings") from error


def _find_file(wanted: Mapping[str, object]) -> Path | None:
    named = wanted.get("config") or os.environ.get("TURNOUT_CONFIG")
    if named:
        return _absolute(Path(str(named)))
    data = wanted.get("data") or os.environ.get("TURNOUT_DATA") or DEFAULT_DATA
    usual = _absolute(Path(str(data))) / FILE
    return usual if usual.exists() else None


def _read(path: Path, report: Report) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        said = f"{path} cannot be read: {_reason(error)}"
        raise report.refuse(Place(), "config", said) from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not text"


def _with_file(written: Mapping[str, Any]) -> type[Settings]:
    """The settings with one more source, behind the others."""

    class _Settings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, dict(written))

    return _Settings


def _explain(error: Any, report: Report, tree: Node | None) -> None:  # pydantic's dictionary
    """Note a mistake, with its place when it stands in the file."""
    path, place = _locate(error["loc"], tree)
    said = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        names = Settings.model_fields if len(error["loc"]) == 1 else ()
        report.add(place, path, "there is no such setting", nearest(name, list(names)))
    else:
        report.add(place, path, f"{said[:1].lower()}{said[1:]}")


def _locate(loc: Sequence[int | str], tree: Node | None) -> tuple[str, Place]:
    """Where pydantic's location is in the file. What is not in the file are words of its own."""
    node, place, path = tree, Place(), []
    for part in loc:
        if isinstance(node, MapNode):
            found = next(((k, v) for k, v in node.entries if k.text == part), None)
            if found is None:
                continue
            place, node = found[0].place, found[1]
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = node.place
        elif tree is not None:
            continue
        path.append(str(part))
    return ".".join(path), place


def parse_address(text: str) -> tuple[str, int]:
    """Read `127.0.0.1:7600`, `[::1]:7600` or `localhost:7600`. Raises `ValueError`."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535 or len(port) > 5:
        raise ValueError(f"{text!r} is not an address: write 127.0.0.1:7600")
    if (":" in bare) != host.startswith("["):
        raise ValueError(f"{text!r} is not an address: write [::1]:7600")
    return bare, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
