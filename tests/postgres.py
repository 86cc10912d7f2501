"""A real PostgreSQL with pgSTAC for the tests: migrated once into a template, cloned for each test or module."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from database import Database, PrivateCluster, migrate
from database.connections import embedded_database
from database.errors import ServerProgramsMissing
from database.programs import find_server

_numbers = itertools.count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A running private cluster whose database `dinamis` is migrated and serves as the template."""

    cluster: PrivateCluster
    template: Database

    @contextmanager
    def clone(self) -> Iterator[Database]:
        """A fresh migrated database, dropped at the end with whatever sessions are left."""
        name = f"clone_{next(_numbers)}"
        self._administrate(sql.SQL("CREATE DATABASE {} TEMPLATE dinamis").format(sql.Identifier(name)))
        try:
            yield in_database(self.template, name)
        finally:
            self._administrate(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def empty(self) -> Iterator[Database]:
        """A database without anything in it, not even pgSTAC."""
        name = f"empty_{next(_numbers)}"
        self._administrate(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield in_database(self.template, name)
        finally:
            self._administrate(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administrate(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.cluster.conninfo("owner", dbname="postgres"), autocommit=True) as connection:
            connection.execute(statement)


def open_to_all(template: Database) -> None:
    """Let everybody see everything: what is asked of the API in most tests is not who may see what."""
    from stac_api.access.policy import PolicySet  # noqa: PLC0415  # tests without a database do without the API
    from stac_api.access.rules.store import activate  # noqa: PLC0415

    everybody = {"collections": ["*"], "categories": ["PUBLIC"], "visibility": "full", "source": "the tests"}
    rules = PolicySet.model_validate(
        {
            "id": "open",
            "valid_from": "2000-01-01T00:00:00Z",
            "source_document": "the tests",
            "approved_by": "the tests",
            "rules": [everybody],
        }
    )
    with template.connect("owner") as connection:
        activate(connection, [rules], by="the tests")


def forget_rules(database: Database) -> None:
    """Take all policy sets and licences out of a database, which the database itself refuses to do."""
    with database.connect("owner") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM dinamis.policy_set")
        connection.execute("DELETE FROM dinamis.licence")


def in_database(database: Database, name: str) -> Database:
    """The same server and roles, another database on it."""

    def moved(conninfo: str) -> SecretStr:
        return SecretStr(make_conninfo(conninfo, dbname=name))

    return Database(
        owner=moved(database.conninfo("owner")),
        api=moved(database.conninfo("api")),
        harvest=moved(database.conninfo("harvest")),
        is_external=database.is_external,
    )


@contextmanager
def short_directory() -> Iterator[Path]:
    """A directory with a short path that every user may enter; pytest's own is closed to the server's user."""
    directory = Path(tempfile.mkdtemp(prefix="dinamis-test-", dir="/tmp"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Where the tests run as root, who may write everywhere: be another user."""
    us = os.geteuid()
    if us == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(us)


def skip_without_postgresql() -> None:
    """Skip what needs PostgreSQL with PostGIS on a machine that has none."""
    try:
        find_server()
    except ServerProgramsMissing as error:
        pytest.skip(f"no PostgreSQL with PostGIS on this machine: {error}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One private cluster for the whole run, without fsync: nothing in it has to survive."""
    skip_without_postgresql()
    with short_directory() as home:
        cluster = PrivateCluster(home)
        cluster.start()
        try:
            with psycopg.connect(cluster.conninfo("owner"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                connection.execute("ALTER SYSTEM SET synchronous_commit = off")
                connection.execute("ALTER SYSTEM SET autovacuum = off")  # it would hold the template now and then
                connection.execute("SELECT pg_reload_conf()")
            template = embedded_database(cluster)
            migrate(template)
            open_to_all(template)
            yield PostgresServer(cluster, template)
        finally:
            cluster.destroy()


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh migrated database for one test."""
    with postgres_server.clone() as clone:
        yield clone


@pytest.fixture(scope="module")
def module_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A migrated database that the tests of one module share."""
    with postgres_server.clone() as clone:
        yield clone


@pytest.fixture
def ruleless_database(database: Database) -> Database:
    """A fresh migrated database without any rules in it: nobody can see anything."""
    forget_rules(database)
    return database


@pytest.fixture
def empty_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A database with nothing in it, as an administrator hands it over."""
    with postgres_server.empty() as empty:
        yield empty
