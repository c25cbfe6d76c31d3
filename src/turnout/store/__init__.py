"""The journal in SQL: what every deployment and every canary did, kept for years in SQLite or
PostgreSQL.

The only package that knows SQL. `turnout.server` builds a `SqlStore` and hands it on as the ports
`Journal`, `Archive` and `CanaryArchive`; nobody else imports this package.
"""
