from tests.contract.stores import (
    empty_url,
    new_database,
    postgresql,
    prepared_postgresql,
    prepared_sqlite,
    url,
)

__all__ = [
    "empty_url",
    "new_database",
    "postgresql",
    "prepared_postgresql",
    "prepared_sqlite",
    "url",
]
