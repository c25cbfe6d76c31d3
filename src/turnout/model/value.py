"""The one base of every value that comes from outside, is stored, or crosses a process."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen record. Unknown fields and loosely typed numbers are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False)
