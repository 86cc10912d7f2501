"""An external server: when it is meant, what it must offer, and who connects as whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import asyncpg
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr, ValidationError

from database import (
    Database,
    DatabaseSettings,
    database_status,
    diagnose,
    ensure_migrated,
    migrate,
    open_database,
)
from database.commands.opening import database_settings
from database.connections import TIME_FORMATS, Role, external_database
from database.errors import DatabaseUnavailable, DatabaseUnsuitable, MigrationError, NotMigrated, RoleUnknown
from database.migrations import migration_files
from database.requirements import shortcomings
from database.settings import default_home

VARIABLES = ("DINAMIS_DATABASE_URL", "DINAMIS_API_DATABASE_URL", "DINAMIS_HARVEST_DATABASE_URL", "DINAMIS_HOME")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No variable of the developer's shell takes part."""
    for name in (*VARIABLES, "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGOPTIONS"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def _as_external(database: Database) -> DatabaseSettings:
    return DatabaseSettings(database_url=SecretStr(database.conninfo("owner")))


@contextmanager
def _institution(database: Database) -> Iterator[DatabaseSettings]:
    """An owner without any privilege on the server, as an institution hands one out."""
    name = sql.Identifier("institution")
    with psycopg.connect(database.conninfo("owner"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret-of-institution'").format(name))
        try:
            url = make_conninfo(database.conninfo("owner"), user="institution", password="secret-of-institution")
            yield DatabaseSettings(database_url=SecretStr(url))
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
            connection.execute(sql.SQL("DROP ROLE {}").format(name))


def test_nothing_set_means_the_private_cluster() -> None:
    """Without any variable the database is the private cluster."""
    assert not DatabaseSettings().is_external


@pytest.mark.parametrize("name", ["PGUSER", "PGPASSWORD", "PGPORT", "PGDATABASE"])
def test_stray_variable_does_not_name_a_server(name: str, environment: pytest.MonkeyPatch) -> None:
    """A user or port left in the environment does not turn the private cluster into an external server."""
    environment.setenv(name, "5432")
    assert not DatabaseSettings().is_external


@pytest.mark.parametrize(
    "name",
    ["DINAMIS_DATABASE_URL", "DINAMIS_API_DATABASE_URL", "DINAMIS_HARVEST_DATABASE_URL", "PGHOST", "PGSERVICE"],
)
def test_variable_that_names_a_server(name: str, environment: pytest.MonkeyPatch) -> None:
    """A URL, be it of one role only, a host or a service names an external server; an empty one does not."""
    environment.setenv(name, "")
    assert not DatabaseSettings().is_external
    environment.setenv(name, "postgresql://db.example.org/catalogue")
    assert DatabaseSettings().is_external


def test_dotenv_of_the_working_directory_is_ignored(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """A file .env that happens to lie in the working directory configures nothing."""
    (tmp_path / ".env").write_text("PGHOST=elsewhere.example.org\nDINAMIS_HOME=/nowhere\n")
    environment.chdir(tmp_path)
    settings = DatabaseSettings()
    assert not settings.is_external
    assert str(settings.home) != "/nowhere"


def test_home_is_not_the_users_home(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """The variable HOME says nothing about the cluster's home; DINAMIS_HOME does."""
    environment.setenv("HOME", str(tmp_path))
    assert DatabaseSettings().home == default_home()
    assert DatabaseSettings().home != tmp_path
    environment.setenv("DINAMIS_HOME", str(tmp_path / "cluster"))
    assert DatabaseSettings().home == tmp_path / "cluster"


def test_own_home_overrides_the_external_server(tmp_path: Path, environment: pytest.MonkeyPatch) -> None:
    """The demonstration keeps its own cluster whatever server the environment names."""
    environment.setenv("PGHOST", "db.example.org")
    settings = DatabaseSettings().embedded_in(tmp_path)
    assert not settings.is_external
    assert settings.home == tmp_path


def test_libpq_variables_are_read_once_named(database: Database, environment: pytest.MonkeyPatch) -> None:
    """With PGHOST set, libpq's other variables complete the connection, for asyncpg too."""
    parts = conninfo_to_dict(database.conninfo("owner"))
    for variable, part in {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}.items():
        environment.setenv(variable, str(parts[part]))
    environment.setenv("PGPASSWORD", str(parts["password"]))
    opened = open_database(DatabaseSettings())
    arguments = opened.asyncpg_arguments("api")
    names = {"host": "host", "port": "port", "user": "user", "password": "password", "database": "dbname"}
    assert {name: arguments[name] for name in names} == {name: parts[part] for name, part in names.items()}
    assert arguments["server_settings"] == {"search_path": "pgstac,public", **TIME_FORMATS, "role": "dinamis_api"}


@pytest.mark.parametrize("is_variable", [True, False], ids=["PGSSLMODE", "url"])
def test_encryption_that_is_asked_for_is_asked_for_everywhere(
    environment: pytest.MonkeyPatch, is_variable: bool
) -> None:
    """What libpq is told of TLS, in the URL or by its variable, asyncpg is told too."""
    if is_variable:
        environment.setenv("PGSSLMODE", "verify-full")
    url = "postgresql://me@db.example.org/catalogue" + ("" if is_variable else "?sslmode=verify-full")
    database = external_database(DatabaseSettings(database_url=SecretStr(url)))
    assert database.asyncpg_arguments("api")["dsn"] == "postgresql://?sslmode=verify-full"
    assert conninfo_to_dict(database.conninfo("harvest"))["sslmode"] == "verify-full"


def test_files_that_the_url_names_are_named_to_asyncpg_too() -> None:
    """An authority of the institution's own, a client certificate or a password file: both drivers use the same."""
    files = {"sslmode": "verify-full", "sslrootcert": "/etc/our ca", "sslcert": "/etc/me.crt", "passfile": "/etc/pg"}
    url = f"postgresql://me@db.example.org/catalogue?{urlencode(files, quote_via=quote)}"
    arguments = external_database(DatabaseSettings(database_url=SecretStr(url))).asyncpg_arguments("api")
    assert dict(parse_qsl(urlsplit(arguments["dsn"]).query)) == files
    assert (arguments["host"], arguments["user"], arguments["database"]) == ("db.example.org", "me", "catalogue")


def test_roles_are_taken_on_the_owners_connection(database: Database) -> None:
    """Without URLs of their own the programs log in as the owner and act as their role."""
    opened = open_database(_as_external(database))
    with opened.connect("api") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dinamis_api",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM pgstac.items")
    with opened.connect("harvest") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dinamis_harvest",)


def test_own_urls_override_the_owners(database: Database) -> None:
    """With URLs of their own the programs log in as those users."""
    settings = _as_external(database).model_copy(
        update={"api_database_url": SecretStr(database.conninfo("api"))},
    )
    with open_database(settings).connect("api") as connection:
        assert connection.execute("SELECT session_user").fetchone() == ("dinamis_api",)
        assert connection.execute("SHOW role").fetchone() == ("none",)


def _known_as(role: Role, database: Database) -> DatabaseSettings:
    return DatabaseSettings.model_validate({f"{role}_database_url": SecretStr(database.conninfo(role))})


@pytest.mark.parametrize(("role", "other"), [("api", "harvest"), ("harvest", "api")])
def test_host_may_know_its_own_role_only(role: Role, other: Role, database: Database) -> None:
    """With one role's URL alone that program works, the state can be told, and nothing else is pretended."""
    settings = _known_as(role, database)
    opened = open_database(settings)
    ensure_migrated(opened, role)
    with opened.connect(role) as connection:
        assert connection.execute("SELECT session_user").fetchone() == (f"dinamis_{role}",)
    assert database_status(settings).is_ready
    assert not [finding for finding in diagnose(settings) if finding.level == "error"]
    with pytest.raises(RoleUnknown, match="DINAMIS_DATABASE_URL"):
        migrate(opened)
    with pytest.raises(RoleUnknown, match=f"DINAMIS_{other.upper()}_DATABASE_URL, or DINAMIS_DATABASE_URL"):
        opened.conninfo(other)


def test_role_that_the_owner_cannot_take_is_told(database: Database) -> None:
    """Where the URL of the owner is that of a lesser role, the programs of others are refused before they begin."""
    opened = open_database(DatabaseSettings(database_url=SecretStr(database.conninfo("api"))))
    ensure_migrated(opened, "api")
    with pytest.raises(DatabaseUnavailable, match='permission denied to set role "dinamis_harvest"'):
        ensure_migrated(opened, "harvest")


def test_host_without_the_owner_needs_a_migrated_database(empty_database: Database) -> None:
    """A program that cannot migrate says who can, and how."""
    opened = open_database(_known_as("api", empty_database))
    with pytest.raises(NotMigrated, match="`dinamis db migrate` with the owner's URL in DINAMIS_DATABASE_URL"):
        ensure_migrated(opened, "api")


def test_any_role_may_find_that_nothing_is_to_do(database: Database, tmp_path: Path) -> None:
    """On a database that is up to date migrating writes nothing; otherwise an owner is asked for, without traceback."""
    settings = DatabaseSettings(database_url=SecretStr(database.conninfo("api")))
    opened = open_database(settings)
    assert not migrate(opened).changed
    for file in migration_files():
        (tmp_path / f"{file}.sql").write_text(file.sql)
    (tmp_path / "9001_invented.sql").write_text("CREATE TABLE dinamis.invented ();")
    with pytest.raises(MigrationError, match="owner's URL in DINAMIS_DATABASE_URL"):
        migrate(opened, directory=tmp_path)
    with database.connect("owner") as connection:
        connection.execute("UPDATE pgstac.pgstac_settings SET value = 'true' WHERE name = 'additional_properties'")
    with pytest.raises(MigrationError, match="owner's URL in DINAMIS_DATABASE_URL"):
        migrate(opened)


@pytest.mark.parametrize("name", ["DINAMIS_DATABASE_URL", "DINAMIS_API_DATABASE_URL", "DINAMIS_HARVEST_DATABASE_URL"])
@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://u:hush@h/db", "hush", "postgresql://u:a@hush@h/db", "postgresql://u:hu/sh@h/db"]
)
def test_unreadable_url_is_refused_without_its_password(name: str, url: str, environment: pytest.MonkeyPatch) -> None:
    """A URL that libpq cannot read, or reads otherwise than it was meant, is refused and not repeated."""
    environment.setenv(name, url)
    with pytest.raises(ValidationError, match="not a PostgreSQL URL") as refusal:
        DatabaseSettings()
    assert "hush" not in f"{refusal.value} {refusal.value.errors(include_input=False)}"


def test_options_of_the_url_are_kept(database: Database) -> None:
    """Options that the operator put into the URL stay beside ours."""
    url = make_conninfo(database.conninfo("owner"), options="-c statement_timeout=12345")
    with open_database(DatabaseSettings(database_url=SecretStr(url))).connect("api") as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("12345ms",)
        assert connection.execute("SHOW search_path").fetchone() == ("pgstac,public",)
    url = make_conninfo(database.conninfo("owner"), options="-c search_path=pgstac,public,theirs")
    with open_database(DatabaseSettings(database_url=SecretStr(url))).connect("api") as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("pgstac,public,theirs",)


@pytest.mark.parametrize(
    "options",
    [
        "-c statement_timeout=12345",
        "-cstatement_timeout=12345",
        "-c  statement_timeout=12345",
        "--statement-timeout=12345",
        r"-c application_name=our\ catalogue --statement_timeout=12345",
    ],
)
def test_options_of_the_url_reach_both_drivers(database: Database, options: str) -> None:
    """However libpq lets them be written, asyncpg is given the same."""
    url = make_conninfo(database.conninfo("owner"), options=options)
    opened = external_database(DatabaseSettings(database_url=SecretStr(url)))
    ask = "SELECT current_setting('statement_timeout'), current_setting('application_name')"
    with opened.connect("api") as connection:
        by_libpq = connection.execute(ask).fetchone()

    async def by_asyncpg() -> tuple[str, ...]:
        connection = await asyncpg.connect(**opened.asyncpg_arguments("api"))
        try:
            return tuple(await connection.fetchrow(ask))
        finally:
            await connection.close()

    assert by_libpq == asyncio.run(by_asyncpg()) == ("12345ms", "our catalogue" if "our" in options else "")


def test_server_may_be_named_by_its_address() -> None:
    """It is told, and asyncpg, which does not know `hostaddr`, is given it as the host."""
    url = "postgresql://me@/catalogue?hostaddr=192.0.2.1"
    database = external_database(DatabaseSettings(database_url=SecretStr(url)))
    assert database.described() == "192.0.2.1:5432/catalogue"
    assert database.asyncpg_arguments("api")["host"] == "192.0.2.1"


def test_times_are_read_whatever_a_database_writes_by_default(
    database: Database, environment: pytest.MonkeyPatch
) -> None:
    """Dates in the style of a country, and the zone of a server or a user, change nothing of what is read."""
    environment.setenv("PGDATESTYLE", "German")
    environment.setenv("PGTZ", "Asia/Kolkata")
    database_settings()
    habits = {"datestyle": "SQL, DMY", "intervalstyle": "sql_standard", "timezone": "America/St_Johns"}
    with psycopg.connect(database.conninfo("owner"), autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        for habit, value in habits.items():
            connection.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(habit), value))
    with open_database(_as_external(database)).connect("harvest") as connection:
        read = connection.execute(
            "SELECT timestamptz '2026-01-31 23:30Z', date '2026-01-31', interval '36 hours',"
            " date_trunc('month', timestamptz '2026-02-01 01:00Z')"
        ).fetchone()
    assert read == (
        datetime(2026, 1, 31, 23, 30, tzinfo=UTC),
        date(2026, 1, 31),
        timedelta(hours=36),
        datetime(2026, 2, 1, tzinfo=UTC),
    )


def test_everything_missing_is_explained_at_once(empty_database: Database) -> None:
    """An owner without privileges on an empty database is told of each extension and grant, with the command."""
    with _institution(empty_database) as settings, pytest.raises(DatabaseUnsuitable) as refusal:
        open_database(settings)
    told = str(refusal.value)
    assert "CREATE EXTENSION postgis" in told
    assert "CREATE EXTENSION btree_gist" in told
    assert 'GRANT CREATE ON DATABASE "' in told
    assert 'GRANT pgstac_admin TO "institution"' in told
    assert "may not create roles" not in told  # they are all there
    assert "secret-of-institution" not in told


def test_extension_in_another_schema_is_told_before_anything_is_migrated(empty_database: Database) -> None:
    """PostGIS is found in `public` alone, and cannot be moved there later; pgSTAC finds the others in its own too."""
    with psycopg.connect(empty_database.conninfo("owner"), autocommit=True) as connection:
        assert list(shortcomings(connection)) == []
        connection.execute("CREATE SCHEMA geo")
        connection.execute("CREATE EXTENSION postgis SCHEMA geo")
        connection.execute("CREATE SCHEMA pgstac")
        connection.execute("CREATE EXTENSION btree_gist SCHEMA pgstac")
    with pytest.raises(DatabaseUnsuitable) as refusal:
        open_database(_as_external(empty_database))
    (told,) = str(refusal.value).splitlines()[1:]
    with _institution(empty_database) as settings, pytest.raises(DatabaseUnsuitable) as refusal:
        open_database(settings)
    assert [line for line in str(refusal.value).splitlines() if "extension postgis" in line] == [told]
    assert "postgis is in the schema geo" in told
    assert "SCHEMA public" in told


@pytest.mark.parametrize(("ahead", "told"), [(1, ["is too old: the catalogue needs version"]), (0, [])])
def test_server_that_is_too_old_is_refused(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch, ahead: int, told: list[str]
) -> None:
    """Of the oldest version that will do nothing is told, of an older one that and nothing else."""
    with psycopg.connect(empty_database.conninfo("owner")) as connection:
        oldest = connection.info.server_version // 10000 + ahead
        monkeypatch.setattr("database.requirements.OLDEST_MAJOR", oldest)
        found = list(shortcomings(connection))
    assert [part in each for part, each in zip(told, found, strict=True)] == [True] * len(told)


def test_extension_that_the_server_does_not_have_is_to_be_installed(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A superuser is told too: he cannot create what is not on the disk of the server."""
    monkeypatch.setattr("database.requirements.EXTENSIONS", ("invented",))
    with psycopg.connect(empty_database.conninfo("owner")) as connection:
        (told,) = shortcomings(connection)
    assert "The extension invented is not installed on the server: `apt-get install postgresql-contrib" in told


@pytest.mark.parametrize("may_create_roles", [True, False])
def test_roles_that_an_owner_cannot_make_are_to_be_made_for_him(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch, may_create_roles: bool
) -> None:
    """Roles that are not on the server are told, with the commands, to who may not create roles; nobody is in them."""
    monkeypatch.setattr("database.requirements.ROLES", ("dinamis_api", "invented_role"))
    with _institution(empty_database) as settings:
        with psycopg.connect(empty_database.conninfo("owner"), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis SCHEMA public")
            connection.execute(
                sql.SQL("GRANT CREATE ON DATABASE {} TO institution").format(sql.Identifier(connection.info.dbname))
            )
            if may_create_roles:
                connection.execute("ALTER ROLE institution CREATEROLE")
        with pytest.raises(DatabaseUnsuitable) as refusal:
            open_database(settings)
        with psycopg.connect(empty_database.conninfo("owner"), autocommit=True) as connection:
            connection.execute("ALTER ROLE institution SUPERUSER")
        open_database(settings)
    lacks = str(refusal.value).splitlines()[1:]
    made = '`CREATE ROLE invented_role; GRANT invented_role TO "institution";`'
    assert [each.endswith(f'as superuser `ALTER ROLE "institution" CREATEROLE;` or {made}') for each in lacks] == (
        [False] if may_create_roles else [True, False]
    )
    assert lacks[-1].startswith("- institution is not a member of dinamis_api: ")


def test_encoding_that_is_not_utf8_is_told_by_its_name(empty_database: Database) -> None:
    """A database without an encoding cannot hold a catalogue; the advice names what it has."""
    with psycopg.connect(empty_database.conninfo("owner"), dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE plain ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        try:
            with psycopg.connect(empty_database.conninfo("owner"), dbname="plain") as plain:
                assert "The database is encoded in SQL_ASCII: create it" in "".join(shortcomings(plain))
        finally:
            connection.execute("DROP DATABASE plain WITH (FORCE)")


def test_doctor_tells_the_same(empty_database: Database) -> None:
    """The doctor reports each shortcoming of an external server as an error with its remedy, and looks no further."""
    with _institution(empty_database) as settings:
        findings = diagnose(settings)
        errors = [finding for finding in findings if finding.level == "error"]
    assert any("postgis" in finding.message and "CREATE EXTENSION" in str(finding.remedy) for finding in errors)
    assert {finding.subject for finding in findings if finding not in errors} == {"memory", "port", "privileges"}


def _looked_at(settings: DatabaseSettings) -> dict[str, str]:
    """What the doctor tells of a server, by subject."""
    return {each.subject: each.level for each in diagnose(settings) if each.subject not in {"memory", "port"}}


def test_doctor_warns_where_the_api_logs_in_as_the_owner(database: Database) -> None:
    """With a login of its own all is well, as it is on the host of one program, which does not know the owner."""
    owner, well = _as_external(database), {"server": "ok", "schema": "ok", "rules": "ok"}
    api = {"api_database_url": SecretStr(database.conninfo("api"))}
    assert _looked_at(owner) == {**well, "privileges": "warning"}
    assert _looked_at(owner.model_copy(update=api)) == well
    assert _looked_at(_known_as("api", database)) == well
    assert _looked_at(_known_as("harvest", database)) == {"server": "ok", "schema": "ok"}


def test_doctor_warns_while_no_rules_are_in_force(database: Database) -> None:
    """Those that begin to hold tomorrow show nobody anything today."""
    with database.connect("owner") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE dinamis.policy_set SET valid = tstzrange(now() + interval '1 day', NULL)")
    (rules,) = [each for each in diagnose(_as_external(database)) if each.subject == "rules"]
    assert (rules.level, rules.remedy) == ("warning", "dinamis rules activate")


def test_doctor_tells_what_to_do_about_the_schema(empty_database: Database, database: Database) -> None:
    """One that is still to be migrated is a warning, also to the API's host; one of a later release is an error."""

    def schema(settings: DatabaseSettings) -> tuple[str, str | None]:
        (found,) = [each for each in diagnose(settings) if each.subject == "schema"]
        return found.level, found.remedy

    assert schema(_as_external(empty_database)) == ("warning", "Run dinamis db migrate.")
    assert _looked_at(_known_as("api", empty_database)) == {"server": "ok", "schema": "warning"}
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO pgstac.migrations (version, datetime) VALUES ('0.11.2', now() + interval '1 day')"
        )
    assert schema(_as_external(database)) == (
        "error",
        "Install the release that migrated this database, or a later one.",
    )


def test_owner_who_is_no_superuser_can_migrate(empty_database: Database) -> None:
    """With PostGIS installed and the grants that the message asks for, an ordinary owner migrates the database."""
    roles = "pgstac_admin, pgstac_read, pgstac_ingest, dinamis_api, dinamis_harvest"
    with _institution(empty_database) as settings:
        with psycopg.connect(empty_database.conninfo("owner"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("GRANT CREATE ON DATABASE {} TO institution").format(sql.Identifier(connection.info.dbname))
            )
            connection.execute("ALTER ROLE institution CREATEROLE")
            connection.execute(f"GRANT {roles} TO institution WITH ADMIN OPTION")
            with pytest.raises(DatabaseUnsuitable, match="extension postgis is missing: as superuser"):
                open_database(settings)
            connection.execute("CREATE EXTENSION postgis SCHEMA public")
        database = open_database(settings)
        assert migrate(database).pgstac_before is None
        assert database_status(settings).is_ready
        with database.connect("api") as connection:
            assert connection.execute("SELECT pgstac.search('{}')->>'type'").fetchone() == ("FeatureCollection",)
        with psycopg.connect(empty_database.conninfo("owner"), autocommit=True) as connection:
            connection.execute("DROP SCHEMA dinamis CASCADE")
            connection.execute("DROP SCHEMA pgstac CASCADE")


def test_unreachable_server_is_told_without_the_password() -> None:
    """A server that does not answer is an error of ours that does not print the password."""
    settings = DatabaseSettings(database_url=SecretStr("postgresql://me:hush@127.0.0.1:1/catalogue"))
    with pytest.raises(DatabaseUnavailable, match="refused") as refusal:
        open_database(settings)
    assert "hush" not in str(refusal.value)
    status = database_status(settings)
    assert not status.is_ready
    assert "refused" in str(status.trouble)
    findings = {finding.subject: finding for finding in diagnose(settings)}
    assert findings.keys() == {"server", "memory", "port"}
    assert (findings["server"].level, "hush" in findings["server"].message) == ("error", False)
    assert str(findings["server"].remedy).startswith("Check DINAMIS_DATABASE_URL ")


def test_printing_shows_no_password(database: Database) -> None:
    """Neither the value nor its description contains a password."""
    password = str(conninfo_to_dict(database.conninfo("owner"))["password"])
    assert password not in repr(database)
    assert password not in database.described()
    assert database.described().startswith("127.0.0.1:")


def test_connection_that_is_lost_on_the_way_is_told_as_an_outage(database: Database) -> None:
    """Commands end with a sentence then too; what the server refuses otherwise stays the error that it is."""
    with pytest.raises(DatabaseUnavailable, match="terminating connection"), database.connect("owner") as connection:
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseUnavailable), database.connect("owner") as connection:
        _end_before_commit(database, connection)
    with pytest.raises(psycopg.errors.DiskFull), database.connect("owner") as connection:
        connection.execute("DO $$BEGIN RAISE disk_full; END$$")


def _end_before_commit(database: Database, connection: psycopg.Connection) -> None:
    connection.execute("SELECT 1")
    with database.connect("owner") as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
