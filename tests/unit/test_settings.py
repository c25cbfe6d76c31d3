from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.model.errors import InvalidDocument
from turnout.model.freeze import DatedFreeze, WeeklyFreeze
from turnout.settings import parse_address, read_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    import os

    for name in list(os.environ):
        if name.startswith("TURNOUT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TURNOUT_DATA", str(tmp_path))
    yield


def write(folder: Path, text: str, name: str = "turnout.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def mistakes(given: dict[str, object] | None = None) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        read_settings(given)
    return [str(problem) for problem in caught.value.problems]


def test_without_anything_there_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURNOUT_DATA")
    monkeypatch.setenv("HOME", "/nobody/at/home")
    settings = read_settings()
    assert settings.data == Path("/nobody/at/home/.local/share/turnout")
    assert settings.address == ("127.0.0.1", 7600)
    assert settings.is_local
    assert settings.ports == (20000, 29999)


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, "log_level: debug\nlisten: 127.0.0.1:1\ntemporal: file:1\n")
    monkeypatch.setenv("TURNOUT_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("TURNOUT_TEMPORAL", "environment:1")
    settings = read_settings({"temporal": "line:1", "log_format": None})
    found = (settings.log_level, settings.listen, settings.temporal, settings.log_format)
    assert found == ("debug", "127.0.0.1:2", "line:1", "auto")


def test_a_file_elsewhere_is_read_when_named(tmp_path: Path) -> None:
    named = write(tmp_path, "ports: 30000-30010\n", "other.yaml")
    write(tmp_path, "ports: 40000-40010\n")
    assert read_settings({"config": named}).ports == (30000, 30010)


def test_freezes_are_read_with_plain_yaml_times(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
freezes:
  - clusters: shop*
    days: [fri, sat]
    from: 18:00
    to: 08:00
    timezone: Europe/Madrid
    reason: nobody is here
  - clusters: "*"
    from: 2026-12-20T00:00
    to: 2027-01-02
    timezone: Europe/Madrid
""",
    )
    weekly, dated = read_settings().freezes
    assert isinstance(weekly, WeeklyFreeze)
    assert (weekly.begin.hour, weekly.end.hour) == (18, 8)
    assert isinstance(dated, DatedFreeze)
    assert dated.end.isoformat() == "2027-01-02T00:00:00"


def test_every_mistake_of_a_file_is_told_with_its_place(tmp_path: Path) -> None:
    write(
        tmp_path,
        "log_levle: debug\nports: many\nfreezes:\n  - days: [fri]\n    from: 18:00\n"
        "    to: 25:00\n  - days: [friday]\n    from: 18:00\n    to: 19:00\n",
    )
    assert mistakes() == [
        "line 1, column 1: log_levle: there is no such setting Did you mean 'log_level'?",
        "line 2, column 1: ports: 'many' is not a range of ports: write 20000-29999",
        "line 6, column 5: freezes.0.to: input should be in a valid time format, "
        "hour value is outside expected range of 0-23",
        "line 7, column 12: freezes.1.days.0: input should be 'mon', 'tue', 'wed', 'thu', 'fri', "
        "'sat' or 'sun'",
    ]


def test_a_mistake_of_the_command_line_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    write(tmp_path, "listen: 127.0.0.1:1\n")
    (said,) = mistakes({"listen": "nowhere"})
    assert said == "listen: 'nowhere' is not an address: write 127.0.0.1:7600"


@pytest.mark.parametrize("text", ["[1, 2]", "", "a: b: c", "\x00"])
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert len(mistakes()) == 1


def test_a_named_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    (said,) = mistakes({"config": tmp_path / "gone.yaml"})
    path = tmp_path / "gone.yaml"
    assert said == f"config: {path} cannot be read: No such file or directory"


def test_other_machines_are_let_in_only_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    (said,) = mistakes({"listen": "0.0.0.0:7600"})
    assert "a token is needed" in said
    monkeypatch.setenv("TURNOUT_TOKEN", "s3cret-and-then-some")
    settings = read_settings({"listen": "0.0.0.0:7600"})
    assert not settings.is_local
    assert "s3cret" not in repr(settings)


def test_a_token_that_others_could_guess_is_refused_where_they_may_try(tmp_path: Path) -> None:
    path = write(tmp_path, "123456789012345", "token")
    (said,) = mistakes({"listen": "0.0.0.0:7600", "token_file": path})
    assert said == (
        "token: other machines can reach 0.0.0.0:7600, so the token (TURNOUT_TOKEN or token_file) "
        "needs at least 16 characters; make one: head -c 24 /dev/urandom | base64"
    )
    assert read_settings({"token_file": path}).is_local
    write(tmp_path, "1234567890123456", "token")
    assert read_settings({"listen": "0.0.0.0:7600", "token_file": path}).token is not None


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_no_token(listen: str) -> None:
    assert read_settings({"listen": listen}).is_local


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    path = write(tmp_path, "  s3cret\n", "token")
    token = read_settings({"token_file": path}).token
    assert token is not None
    assert token.get_secret_value() == "s3cret"
    write(tmp_path, "\n", "token")
    assert "is empty" in mistakes({"token_file": path})[0]
    path.unlink()
    (said,) = mistakes({"token_file": path})
    assert said == f"token_file: {path} cannot be read: No such file or directory"


@pytest.mark.parametrize("ports", ["1-2", "5-3", "30000-20000", "20000-70000"])
def test_a_range_of_ports_that_makes_no_sense_is_refused_in_one_line(ports: str) -> None:
    assert mistakes({"ports": ports}) == [
        f"ports: {ports}: ports must be from 1024 to 65535, the first not above the last"
    ]


def test_what_is_no_range_of_ports_is_refused_in_one_line(tmp_path: Path) -> None:
    said = "20000 is not a range of ports: write 20000-29999"
    assert mistakes({"ports": 20000}) == [f"ports: {said}"]
    write(tmp_path, "ports: 20000\n")
    assert mistakes() == [f"line 1, column 1: ports: {said}"]


@pytest.mark.parametrize(
    "text", ["7600", ":7600", "127.0.0.1", "::1:7600", "[::1]", "a:b", "a:99999", "[a]:1", ""]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        parse_address(text)


def test_accounts_of_metrics_systems_are_in_the_data_unless_named(tmp_path: Path) -> None:
    assert read_settings({"data": tmp_path}).metrics_file is None
    (tmp_path / "metrics.yaml").write_text("{}")
    assert read_settings({"data": tmp_path}).metrics_file == tmp_path / "metrics.yaml"
    named = {"data": tmp_path, "metrics": tmp_path / "not-there.yaml"}
    assert read_settings(named).metrics_file == tmp_path / "not-there.yaml"
