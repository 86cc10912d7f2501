"""What an external server must offer, and how what it lacks is reported."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from database.errors import DatabaseUnsuitable
from database.programs import OLDEST_MAJOR

EXTENSIONS = ("postgis", "btree_gist", "unaccent")
ROLES = ("pgstac_admin", "pgstac_read", "pgstac_ingest", "dinamis_api", "dinamis_harvest")


def refuse_unsuitable(connection: psycopg.Connection) -> None:
    """Check version, encoding, extensions and privileges of the owner's connection.

    Raises:
        DatabaseUnsuitable: Something is missing; the message lists all of it with the command that provides it.
    """
    lacks = list(shortcomings(connection))
    if lacks:
        raise DatabaseUnsuitable("\n".join(["", *(f"- {lack}" for lack in lacks)]))


def shortcomings(connection: psycopg.Connection) -> Iterator[str]:
    """Each thing the server lacks, as a sentence that says how to provide it."""
    major = connection.info.server_version // 10000
    if major < OLDEST_MAJOR:
        yield f"PostgreSQL {major} is too old: the catalogue needs version {OLDEST_MAJOR} or later."
        return
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        yield f"The database is encoded in {encoding}: create it with ENCODING 'UTF8' TEMPLATE template0."
    yield from _missing_extensions(connection, major)
    if not _is_migrated(connection):
        yield from _missing_privileges(connection)


def _missing_extensions(connection: psycopg.Connection, major: int) -> Iterator[str]:
    for name in EXTENSIONS:
        schema = _text(connection, "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = %s", name)
        if schema in ("public", "pgstac"):
            continue
        if schema:
            yield (
                f"The extension {name} is in the schema {schema}, where pgSTAC does not look: give the catalogue a "
                f"database of its own, and as superuser there `CREATE EXTENSION {name} SCHEMA public;`"
            )
            continue
        if not _holds(connection, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = %s)", name):
            package = (
                f"postgresql-{major}-postgis-3" if name == "postgis" else f"postgresql-contrib or postgresql-{major}"
            )
            yield (
                f"The extension {name} is not installed on the server: `apt-get install {package}` there, then as "
                f"superuser in this database `CREATE EXTENSION {name} SCHEMA public;`"
            )
        elif not _may_create_extension(connection, name):
            yield f"The extension {name} is missing: as superuser here `CREATE EXTENSION {name} SCHEMA public;`"


def _may_create_extension(connection: psycopg.Connection, name: str) -> bool:
    if _is_superuser(connection):
        return True
    trusted = _holds(
        connection,
        "SELECT coalesce(bool_or(trusted), false) FROM pg_available_extension_versions WHERE name = %s",
        name,
    )
    return trusted and _may_create_schemas(connection)


def _missing_privileges(connection: psycopg.Connection) -> Iterator[str]:
    user = connection.info.user
    if not _may_create_schemas(connection):
        yield (
            f"{user} may not create schemas: as the database's owner "
            f'`GRANT CREATE ON DATABASE "{connection.info.dbname}" TO "{user}";`'
        )
    if _is_superuser(connection):
        return
    missing = [role for role in ROLES if not _holds(connection, "SELECT to_regrole(%s) IS NOT NULL", role)]
    if missing and not _holds(connection, "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user"):
        made = " ".join(f'CREATE ROLE {role}; GRANT {role} TO "{user}";' for role in missing)
        yield f'{user} may not create roles: as superuser `ALTER ROLE "{user}" CREATEROLE;` or `{made}`'
    for role in sorted(set(ROLES) - set(missing)):
        if not _holds(connection, "SELECT pg_has_role(current_user, %s, 'MEMBER')", role):
            yield f'{user} is not a member of {role}: as superuser `GRANT {role} TO "{user}" WITH ADMIN OPTION;`'


def _is_migrated(connection: psycopg.Connection) -> bool:
    return _holds(connection, "SELECT to_regclass('dinamis.migration') IS NOT NULL")


def _is_superuser(connection: psycopg.Connection) -> bool:
    return _holds(connection, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")


def _may_create_schemas(connection: psycopg.Connection) -> bool:
    return _holds(connection, "SELECT has_database_privilege(current_database(), 'CREATE')")


def _holds(connection: psycopg.Connection, question: str, *parameters: str) -> bool:
    row = connection.execute(question, parameters).fetchone()
    return bool(row and row[0])


def _text(connection: psycopg.Connection, question: str, *parameters: str) -> str:
    row = connection.execute(question, parameters).fetchone()
    return str(row[0]) if row else ""
