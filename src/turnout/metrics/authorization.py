"""How a token or a password lets a request in."""

from __future__ import annotations

import base64

from turnout.metrics.accounts import Account


def build_authorization(account: Account) -> dict[str, str]:
    """The header for stores that know HTTP's own ways: a bearer's token, or user and password."""
    token = account.reveal("token")
    if token:
        return {"Authorization": f"Bearer {token}"}
    user = account.options.get("user", "")
    if user:
        pair = f"{user}:{account.reveal('password')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
