"""The one base of every value that comes from outside, is stored, or crosses a process."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen record. Unknown fields and loosely typed numbers are refused.

    A figure that is not a number (a share of nothing) is the text "NaN" in JSON, so that it can be
    read again.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=False, ser_json_inf_nan="strings"
    )
