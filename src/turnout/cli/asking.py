"""Questions to a person at the terminal. Never called where nobody sits."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence

from turnout.cli.errors import CommandError
from turnout.cli.exits import Exit
from turnout.cli.invocation import Invocation

_LOOK_AGAIN = 0.5


def confirm(call: Invocation, question: str) -> None:
    """Go on only after a yes. Raises `CommandError` after anything else."""
    call.error_console().print(f"{question} [y/N] ", end="")
    said = call.surroundings.stdin.readline()
    if said.strip().lower() not in ("y", "yes"):
        raise CommandError(
            "You did not say yes: nothing was touched.",
            "Add --yes to go ahead without being asked.",
            Exit.REFUSED,
            code="not_confirmed",
        )


def choose(call: Invocation, choices: Sequence[str], is_settled: Callable[[], bool]) -> str | None:
    """One of the choices, by its name or the beginning of it. None when the question settles itself
    meanwhile, or when the person is gone (end of input)."""
    console = call.error_console()
    prompt = f"Your answer ({', '.join(choices)}): "
    console.print(prompt, end="")
    while not is_settled():
        if not select.select([call.surroundings.stdin], [], [], _LOOK_AGAIN)[0]:
            continue
        line = call.surroundings.stdin.readline()
        if not line:
            break
        said = line.strip().lower()
        meant = [choice for choice in choices if said and choice.startswith(said)]
        if len(meant) == 1:
            return meant[0]
        console.print(prompt, end="")
    console.print()
    return None
