from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from turnout.metrics.accounts import Account, read_accounts
from turnout.model.errors import InvalidDocument, Permanent, Problem


def accounts(folder: Path, text: str) -> dict[str, Account]:
    path = folder / "metrics.yaml"
    path.write_text(text)
    return {account.name: account for account in read_accounts(path)}


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(InvalidDocument) as refusal:
        accounts(folder, text)
    return list(refusal.value.problems)


def test_an_account_has_what_the_file_says(tmp_path: Path) -> None:
    found = accounts(
        tmp_path,
        """
        prod:
          type: prometheus
          url: https://prom.example/prefix/
          token: not-to-be-seen
          headers: {X-Scope-OrgID: shop}
          timeout: 30s
          at_once: 2
          per_minute: 100
          default: true
          scope_label: pod
        """,
    )["prod"]
    assert (found.type, found.url) == ("prometheus", "https://prom.example/prefix")
    assert (found.timeout, found.at_once, found.per_minute) == (timedelta(seconds=30), 2, 100)
    assert found.is_default
    assert found.options == {"scope_label": "pod"}
    assert found.reveal("token") == "not-to-be-seen"
    assert found.headers["X-Scope-OrgID"].reveal() == "shop"


def test_what_is_not_said_has_a_default(tmp_path: Path) -> None:
    text = """
        a: {type: prometheus, url: http://127.0.0.1:9090}
        b: {type: datadog, token: t, application_key: a}
        c: {type: newrelic, token: t, account_id: 17}
        d: {type: cloudwatch, region: eu-west-1, access_key: a, secret_key: s}
    """
    found = accounts(tmp_path, text)
    assert found["a"].options == {"scope_label": "instance"}
    assert found["a"].timeout == timedelta(seconds=10)
    assert found["b"].url == "https://api.datadoghq.com"
    assert found["c"].url == "https://api.newrelic.com"
    assert found["c"].options == {"account_id": "17"}
    assert found["d"].url == "https://monitoring.eu-west-1.amazonaws.com"


def test_a_secret_is_read_where_it_is_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("first\n")
    monkeypatch.setenv("PASSWORD_OF_ADA", "lovelace")
    found = accounts(
        tmp_path,
        f"""
        a: {{type: graphite, url: "http://g", token: {{file: "{tmp_path}/token"}}}}
        b:
          type: graphite
          url: http://g
          user: ada
          password: {{environment: PASSWORD_OF_ADA}}
        """,
    )
    assert found["a"].reveal("token") == "first"
    (tmp_path / "token").write_text("second\n")
    assert found["a"].reveal("token") == "second"
    assert found["b"].reveal("password") == "lovelace"


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    text = "a: {type: graphite, url: 'http://g', token: swordfish, headers: {Key: mackerel}}"
    shown = repr(accounts(tmp_path, text))
    assert "swordfish" not in shown
    assert "mackerel" not in shown


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
prod:
  type: prometheu
two:
  type: graphite
  url: graphite.example
  time_out: 3s
three:
  type: influxdb
  url: http://i
""",
    )
    assert [(p.line, p.path, p.nearest) for p in found] == [
        (2, "prod.type", "prometheus"),
        (5, "two.url", ""),
        (6, "two.time_out", "timeout"),
        (8, "three.database", ""),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a: {url: 'http://g'}", "a.type: is missing: prometheus, influxdb"),
        ("a: graphite", "a mapping with type and url"),
        ("a: {type: graphite, url: 'ftp://g'}", "is not an address"),
        ("a: {type: graphite, url: 'http://u:p@g'}", "ends up in logs"),
        ("a: {type: graphite, url: 'http://g?x=1'}", "must end with its path"),
        ("a: {type: graphite, url: 'http://g', user: u}", "belong together"),
        ("a: {type: graphite, url: 'http://g', token: päss}", "plain characters"),
        ("a: {type: graphite, url: 'http://g', user: u, password: p, token: t}", "one is enough"),
        ("a: {type: graphite, url: 'http://g', token: {file: /not/there}}", "cannot be read"),
        ("a: {type: graphite, url: 'http://g', token: {environment: NOT_THERE_1}}", "no secret"),
        ("a: {type: graphite, url: 'http://g', token: {fil: x}}", "fil"),
        ("a: {type: graphite, url: 'http://g', database: x}", "there is no such key"),
        ("[]", "must be accounts"),
    ],
)
def test_a_wrong_account_is_refused(tmp_path: Path, line: str, said: str) -> None:
    assert said in "\n".join(map(str, problems(tmp_path, line)))


def test_only_one_account_of_a_type_is_the_default(tmp_path: Path) -> None:
    text = "\n".join(f"{name}: {{type: graphite, url: 'http://g', default: true}}" for name in "ab")
    (problem,) = problems(tmp_path, text)
    assert (problem.path, problem.line) == ("b.default", 2)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument) as refusal:
        read_accounts(tmp_path / "none.yaml")
    assert "cannot be read: No such file" in str(refusal.value.problems[0])


def test_a_secret_that_vanished_is_an_error_that_names_its_place(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x")
    text = f'a: {{type: graphite, url: "http://g", token: {{file: "{tmp_path}/token"}}}}'
    found = accounts(tmp_path, text)["a"]
    (tmp_path / "token").unlink()
    with pytest.raises(Permanent, match="token cannot be read"):
        found.reveal("token")
