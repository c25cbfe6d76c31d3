"""Links that open the page of a report in a browser, which knows no token: signed with it, for that
page alone, and for an hour.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta

VALID = timedelta(hours=1)

SKEW = timedelta(minutes=5)
"""So much may the clocks of who makes a link and who checks it differ."""

_PAGE = re.compile(r"/api/v1/canaries/[^/]+/page")


def sign_page(token: str, path: str, until: int) -> str:
    """The signature of a link. `until`: seconds since 1970."""
    said = f"turnout page link\nGET {path}\n{until}"
    return hmac.new(token.encode(), said.encode(), hashlib.sha256).hexdigest()


def build_page_link(token: str, path: str, now: float) -> str:
    """The path with its signature. Without a token none is needed."""
    if not token:
        return path
    until = int(now + VALID.total_seconds())
    return f"{path}?until={until}&signature={sign_page(token, path, until)}"


def refuse_page_link(
    token: str, method: str, path: str, *, until: str, signature: str, now: float
) -> str:
    """Why a link does not open this; empty when it does."""
    is_time = until.isascii() and until.isdigit() and len(until) < 12
    expected = sign_page(token, path, int(until) if is_time else 0)
    is_signed = hmac.compare_digest(signature.encode(), expected.encode())
    if method != "GET" or not _PAGE.fullmatch(path) or not is_time or not is_signed:
        return "This link opens nothing here: it was made for another page, or was changed"
    longest = now + (VALID + SKEW).total_seconds()
    if not now <= int(until) <= longest:
        return "This link is no longer valid: it was for an hour"
    return ""
