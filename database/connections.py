"""How the parts of the system reach the database: one connection string per role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo
from pydantic import SecretStr

from database.cluster import PrivateCluster
from database.cluster_files import Progress
from database.errors import DatabaseUnavailable, RoleUnknown
from database.long_work import told_if_long
from database.requirements import refuse_unsuitable
from database.settings import DatabaseSettings

Role = Literal["owner", "api", "harvest"]

#: The variable that names an external server for each role; the owner's serves for all.
VARIABLES: Mapping[Role, str] = {
    "owner": "DINAMIS_DATABASE_URL",
    "api": "DINAMIS_API_DATABASE_URL",
    "harvest": "DINAMIS_HARVEST_DATABASE_URL",
}

#: pgSTAC calls its own functions and PostGIS's without naming their schema.
SEARCH_PATH = "pgstac,public"

#: How the server writes times: psycopg reads no other dates, and what SQL cuts into days and months are those of UTC.
#: A server of somebody else may be set to the habits of its country.
TIME_FORMATS: Mapping[str, str] = {"datestyle": "ISO", "intervalstyle": "postgres", "timezone": "UTC"}


@dataclass(frozen=True, kw_only=True)
class Database:
    """One catalogue database and how each role connects to it; its repr shows no password.

    A host that only serves need not know the owner: a role is None where there is no way to connect as it.
    """

    owner: SecretStr | None
    api: SecretStr | None
    harvest: SecretStr | None
    is_external: bool

    @property
    def roles(self) -> Sequence[Role]:
        """The known roles, the most privileged first; never empty."""
        secrets: dict[Role, SecretStr | None] = {"owner": self.owner, "harvest": self.harvest, "api": self.api}
        return [role for role, secret in secrets.items() if secret is not None]

    def conninfo(self, role: Role) -> str:
        """The libpq connection string of a role, password included: never print it.

        Raises:
            RoleUnknown: No connection is configured for this role.
        """
        secret = {"owner": self.owner, "api": self.api, "harvest": self.harvest}[role]
        if secret is None:
            other = "" if role == "owner" else f", or {VARIABLES['owner']} for all roles"
            raise RoleUnknown(f"Set {VARIABLES[role]}{other}.")
        return secret.get_secret_value()

    def asyncpg_arguments(self, role: Role) -> dict[str, Any]:
        """The same connection as keyword arguments of `asyncpg.connect` and `asyncpg.create_pool`."""
        parts = conninfo_to_dict(self.conninfo(role))
        names = {"host": "host", "port": "port", "user": "user", "password": "password", "dbname": "database"}
        # Only in a URL does asyncpg take the files of certificates by name.
        others = urlencode({name: parts[name] for name in sorted(_IN_URLS_OF_ASYNCPG & parts.keys())})
        return {
            "dsn": f"postgresql://?{others}",
            **{ours: parts[libpq] for libpq, ours in names.items() if libpq in parts},
            "server_settings": _server_settings(str(parts.get("options", ""))),
        }

    def described(self) -> str:
        """Where the database is, without any secret."""
        parts = conninfo_to_dict(self.conninfo(self.roles[0]))
        return (
            f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', parts.get('user', ''))}"
        )

    @contextmanager
    def connect(self, role: Role, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
        """Open a connection, committed at the end of the block and rolled back on an error.

        Raises:
            DatabaseUnavailable: The server does not answer or refuses the login.
        """
        with open_connection(self.conninfo(role), autocommit=autocommit) as connection:
            yield connection


def open_database(settings: DatabaseSettings, *, on_progress: Progress | None = None) -> Database:
    """The database that the settings name, ready for connections; the private cluster is started if need be.

    Raises:
        DatabaseError: It cannot be used; the message says what is missing and how to provide it.
    """
    if settings.is_external:
        database = external_database(settings)
        if database.owner is not None:
            with database.connect("owner") as connection:
                refuse_unsuitable(connection)
        return database
    cluster = PrivateCluster(settings.home)
    cluster.start(on_progress)
    return embedded_database(cluster)


def embedded_database(cluster: PrivateCluster) -> Database:
    """The catalogue database of a running private cluster."""
    return Database(
        owner=_with_options(cluster.conninfo("owner"), None),
        api=_with_options(cluster.conninfo("api"), None),
        harvest=_with_options(cluster.conninfo("harvest"), None),
        is_external=False,
    )


def external_database(settings: DatabaseSettings) -> Database:
    """The external server's database, unchecked.

    Without URLs of their own, the API and the harvester log in as the owner and switch to their role at once, so that
    their rights are the same.
    """
    owner = _resolved(settings.database_url) if settings.names_owner else None
    return Database(
        owner=_with_options(owner, None) if owner is not None else None,
        api=_role_conninfo(settings.api_database_url, owner, "dinamis_api"),
        harvest=_role_conninfo(settings.harvest_database_url, owner, "dinamis_harvest"),
        is_external=True,
    )


@contextmanager
def open_connection(conninfo: str, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """Connect with libpq; an outage, also during the block, becomes an error of this package.

    Raises:
        DatabaseUnavailable: The server does not answer, refuses the login, or is gone.
    """
    try:
        with told_if_long("connecting to the database"):
            connection = psycopg.connect(conninfo, autocommit=autocommit, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(str(error).strip()) from error
    with connection:
        try:
            yield connection
            if not connection.closed:
                connection.commit()
        except psycopg.OperationalError as error:
            if connection.broken:
                raise DatabaseUnavailable(str(error).strip()) from error
            raise


def _role_conninfo(url: SecretStr | None, owner: str | None, role: str) -> SecretStr | None:
    if url is not None:
        return _with_options(_resolved(url), None)
    return _with_options(owner, role) if owner is not None else None


def _resolved(url: SecretStr | None) -> str:
    """The complete connection string: from the URL, then from libpq's variables and service file."""
    # libpq would read PG* at each connection; asyncpg must be given the values.
    defaults = {
        option.keyword.decode(): option.val.decode()
        for option in Conninfo.get_defaults()
        if option.val and option.keyword in _RESOLVED
    }
    given = conninfo_to_dict(url.get_secret_value()) if url is not None else {}
    resolved = {**defaults, **given}
    if "hostaddr" in resolved:  # which asyncpg does not know
        resolved.setdefault("host", resolved["hostaddr"])
    return make_conninfo("", **resolved)


_RESOLVED = frozenset(
    {b"host", b"hostaddr", b"port", b"user", b"password", b"dbname", b"sslmode", b"options", b"passfile"}
)

#: What asyncpg knows by the names of libpq, beside those that it knows by names of its own.
_IN_URLS_OF_ASYNCPG = frozenset(
    {
        *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version"),
        *("passfile", "target_session_attrs", "krbsrvname", "gsslib"),
    }
)


def _with_options(conninfo: str, role: str | None) -> SecretStr:
    given = str(conninfo_to_dict(conninfo).get("options", ""))
    wanted = [given] if given else []
    if "search_path" not in given:
        wanted.append(f"-c search_path={SEARCH_PATH}")
    wanted += [f"-c {name}={value}" for name, value in TIME_FORMATS.items()]
    if role is not None:
        wanted.append(f"-c role={role}")
    return SecretStr(make_conninfo(conninfo, options=" ".join(wanted)))


def _server_settings(options: str) -> dict[str, str]:
    """The settings in a libpq options string, each `-c name=value` or `--name=value`."""
    return {
        name.replace("-", "_"): re.sub(r"\\(.)", r"\1", value)
        for name, value in re.findall(r"(?<!\S)(?:-c\s*|--)([^\s=]+)=((?:\\.|\S)*)", options)
    }
