"""The service file: read with every mistake at once, published as a JSON Schema. Pure: text in,
values out.

One table of shapes (`service_shape` and what it imports) says what may stand in a file; the reader
and the schema are both made from it, so they cannot disagree. The API and the command line may
import this package.
"""

from turnout.documents.override import override
from turnout.documents.schema import service_schema
from turnout.documents.service import read_service

__all__ = ["override", "read_service", "service_schema"]
