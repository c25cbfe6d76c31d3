from __future__ import annotations

from turnout.model.servers import GroupSettings, Run
from turnout.providers.local.command import Launch, build_launch, build_variables, fill_in

VARIABLES = build_variables("shop", "shop-v001", "1.2", "i-0", 20007)


def test_an_instance_is_told_who_it_is() -> None:
    assert VARIABLES == {
        "PORT": "20007",
        "INSTANCE": "i-0",
        "VERSION": "1.2",
        "TURNOUT_CLUSTER": "shop",
        "TURNOUT_GROUP": "shop-v001",
    }


def test_known_names_are_filled_in_and_everything_else_stays() -> None:
    assert fill_in("--port=$PORT/${VERSION}", VARIABLES) == "--port=20007/1.2"
    assert fill_in("${PORT}1 $PORT1 $PORTAL $HOME ${X} $ $$ ${PORT", VARIABLES) == (
        "200071 $PORT1 $PORTAL $HOME ${X} $ $$ ${PORT"
    )


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert fill_in("$VERSION", {"VERSION": "$PORT", "PORT": "1"}) == "$PORT"


def test_a_launch_is_built_from_settings_and_instance() -> None:
    run = Run(
        command=("serve", "--port", "$PORT"),
        environment={"NAME": "shop-$INSTANCE", "LANG": "C", "PORT": "80"},
        folder="/srv/${VERSION}",
    )
    inherited = {
        "PATH": "/bin",
        "LANG": "de_DE.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TURNOUT_TOKEN": "secret",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "PWD": "/elsewhere",
    }
    assert build_launch(GroupSettings(version="1.2", run=run), VARIABLES, inherited) == Launch(
        command=("serve", "--port", "20007"),
        environment={
            "PATH": "/bin",
            "LC_ALL": "C.UTF-8",
            "LANG": "C",
            "NAME": "shop-i-0",
            **VARIABLES,
        },
        folder="/srv/1.2",
    )
