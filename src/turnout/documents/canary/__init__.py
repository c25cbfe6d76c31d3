"""The canary configuration as a file: read with every mistake at once, written, compared; and the
one that is built in. Pure: text in, values out.

What the fields are is said by `turnout.model.canary`; YAML, places and words for people are here.
"""

from turnout.documents.canary.comparing import Change, compare
from turnout.documents.canary.default import default_config
from turnout.documents.canary.reading import ReadConfig, read_canary_config, require_usable
from turnout.documents.canary.writing import to_json, to_yaml
from turnout.model.canary.stored import DEFAULT_NAME

__all__ = [
    "DEFAULT_NAME",
    "Change",
    "ReadConfig",
    "compare",
    "default_config",
    "read_canary_config",
    "require_usable",
    "to_json",
    "to_yaml",
]
