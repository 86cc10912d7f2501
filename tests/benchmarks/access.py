"""Searches with rules and without, with few people in the register and with many, and by other servers.

    python tests/benchmarks/access.py [--items 12000] [--rounds 15] [--json]

Each server is a process of its own, and so is the database. The rounds alternate between them, so that whatever else
the machine does meets all; on a busy machine the processor time of server and database says more than the clock.
The stock server is stac-fastapi-pgstac with its own settings. stac-auth-proxy (in middleware mode, with the same
restriction as a filter of its own) takes part where it can be imported: `pip install --target FOLDER stac-auth-proxy`,
then PYTHONPATH=FOLDER.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeVar

from psycopg.conninfo import conninfo_to_dict

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from database import Database  # noqa: E402
from stac_api.access.policy import PolicySet  # noqa: E402
from stac_api.access.rules.store import activate  # noqa: E402
from tests.benchmarks.generated_items import write_items  # noqa: E402
from tests.benchmarks.measuring import cpu_of_tree  # noqa: E402
from tests.benchmarks.server import Served, running_server, served_program  # noqa: E402
from tests.stac_api.access.invented_people import People, with_key  # noqa: E402
from tests.stac_api.access.invented_provider import provider  # noqa: E402
from tests.stac_api.invented_catalogue import a_collection, load  # noqa: E402

COLLECTIONS = tuple(f"images-{number}" for number in range(6))
SHOWN = COLLECTIONS[:4]
RULE_SETS = 50
PEOPLE, ENTITIES = 100_000, 10_000

SERVER = """
import os, sys
import uvicorn
from stac_api import ApiSettings, create_app
app = create_app(ApiSettings(log_level="WARNING"), os.environ["CONNINFO"])
if condition := os.environ.get("PROXY_FILTER"):
    from stac_auth_proxy import Settings, configure_app
    template = "stac_auth_proxy.filters:Template"
    configure_app(app, Settings(
        upstream_url="http://127.0.0.1/", oidc_discovery_url=os.environ["OIDC"], default_public=True,
        healthz_prefix="/proxy", enable_compression=False,
        items_filter={"cls": template, "args": [condition]},
        collections_filter={"cls": template, "args": [condition.replace("collection", "id")]},
    ))
uvicorn.run(app, port=int(sys.argv[1]), log_config=None, access_log=False)
"""

STOCK_SERVER = """
import sys
import uvicorn
from stac_fastapi.pgstac.app import create_app
uvicorn.run(create_app(), port=int(sys.argv[1]), log_config=None, access_log=False)
"""


def _queries(item: Mapping[str, Any]) -> list[str]:
    """What clients ask most: a page, a place, a time, a condition, one collection, one Item."""
    return [
        "/search?limit=10",
        "/search?limit=100",
        "/search?limit=10&bbox=-10,35,30,60",
        "/search?limit=10&datetime=2014-06-01T00:00:00Z/2014-09-01T00:00:00Z",
        "/search?limit=10&filter=eo:cloud_cover%3C20&sortby=-datetime",
        f"/collections/{item['collection']}/items?limit=10",
        f"/collections/{item['collection']}/items/{item['id']}",
    ]


T = TypeVar("T")


@dataclass(frozen=True)
class Server:
    """A running server, and the database behind it."""

    program: Served
    postmaster: int

    @property
    def cpu_s(self) -> float:
        """Processor time that the server has spent, and the database with those of its sessions that have ended."""
        return cpu_of_tree(self.program.pid) + cpu_of_tree(self.postmaster)


@dataclass(frozen=True)
class Asker:
    """A server, and how somebody asks it."""

    server: Server
    queries: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)

    def round(self) -> tuple[float, float]:
        """One of each query, one after the other over one connection.

        Returns:
            Milliseconds by the clock, and of processor time of the server and the database.
        """
        connection = self._connection()
        began, spent = time.perf_counter(), self.server.cpu_s
        for query in self.queries:
            self._ask(connection, query)
        taken, spent = time.perf_counter() - began, self.server.cpu_s - spent
        connection.close()
        return taken * 1000, spent * 1000

    def requests_per_second(self, *, seconds: float = 4, threads: int = 4) -> float:
        """How many requests are answered when several ask at once."""
        end, counts = time.perf_counter() + seconds, [0] * threads

        def ask(number: int) -> None:
            connection = self._connection()
            while time.perf_counter() < end:
                self._ask(connection, self.queries[counts[number] % len(self.queries)])
                counts[number] += 1
            connection.close()

        asking = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return sum(counts) / seconds

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.program.port, timeout=60)

    def _ask(self, connection: http.client.HTTPConnection, query: str) -> None:
        connection.request("GET", query, headers=dict(self.headers))
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status} to {query}: {text.decode()}")


def _fill(database: Database, count: int) -> dict[str, Any]:
    """Load Items whose files are ours; one of them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.ndjson"
        write_items(path, count)
        items = [_own(json.loads(line), number) for number, line in enumerate(path.read_text().splitlines())]
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO pgstac.queryables (name, definition) VALUES ('eo:cloud_cover', '{\"type\": \"number\"}')"
        )
    load(database, [a_collection(name, name, "Images.") for name in COLLECTIONS], items)
    with database.connect("owner", autocommit=True) as connection:
        connection.execute("ANALYZE")
    return items[0]


def _own(item: dict[str, Any], number: int) -> dict[str, Any]:
    collection = COLLECTIONS[number % len(COLLECTIONS)]
    assets = {
        key: {**asset, "href": f"assets/{collection}/{item['id']}/{key}"} for key, asset in item["assets"].items()
    }
    return {**item, "collection": collection, "assets": assets}


def _rule(database: Database, collections: Sequence[str], sets: int = 1) -> None:
    """So many sets, one a month, the last of which lets everybody see these collections."""
    rules = [
        PolicySet.model_validate(
            {
                "id": f"set-{number}",
                "valid_from": datetime(2020 + number // 12, number % 12 + 1, 1, tzinfo=UTC),
                "source_document": "a benchmark",
                "approved_by": "a benchmark",
                "rules": [
                    {
                        "collections": [name],
                        "categories": ["PUBLIC"],
                        "visibility": "full" if "*" in collections else "metadata",
                        "download": "member" if "*" in collections else "none",
                        "source": "a benchmark",
                    }
                    for name in collections
                ],
            }
        )
        for number in range(sets)
    ]
    with database.connect("owner") as connection:
        activate(connection, rules, by="a benchmark")


def _register(database: Database, people: int, entities: int) -> dict[str, str]:
    """People in entities, each with a category and a key; the headers of one of them."""
    with database.connect("owner") as connection:
        for statement in _CROWD:
            connection.execute(statement, {"people": people, "entities": entities})
        register = People(connection)
        somebody, entity = register.person("somebody"), register.entity("An institute")
        register.join(somebody, entity, "SCI_FR")
        key = register.key(somebody)
    with database.connect("owner", autocommit=True) as connection:
        connection.execute("ANALYZE")
    return with_key(key)


_CROWD = (
    """
    INSERT INTO dinamis.entity (name, kind, country, state, joined_at)
    SELECT 'Entity ' || n, 'science', 'FR', 'active', now() FROM generate_series(1, %(entities)s) AS n
    """,
    """
    INSERT INTO dinamis.person (name, email, state)
    SELECT 'Person ' || n, n || '@example.org', 'active' FROM generate_series(1, %(people)s) AS n
    """,
    """
    CREATE TEMP TABLE place AS
    SELECT person.id AS person, entity.id AS entity
    FROM (SELECT id, row_number() OVER () AS n FROM dinamis.person) AS person
    JOIN (SELECT id, row_number() OVER () AS n FROM dinamis.entity) AS entity
        ON person.n %% %(entities)s + 1 = entity.n
    """,
    """
    INSERT INTO dinamis.membership (person, entity, validated_at, confirmed_at)
    SELECT person, entity, now(), now() FROM place
    """,
    """
    INSERT INTO dinamis.category_grant (person, entity, category, valid)
    SELECT person, entity, 'SCI_FR', tstzrange(now(), NULL) FROM place
    """,
    """
    INSERT INTO dinamis.api_key (id, person, digest, scopes, expires_at)
    SELECT left(md5(person::text), 12), person, sha256(person::text::bytea), '{read}', now() + interval '1 year'
    FROM place ON CONFLICT DO NOTHING
    """,
)


def _of_libpq(database: Database) -> dict[str, str]:
    """The environment variables of a connection as the API makes it."""
    told = conninfo_to_dict(database.conninfo("api"))
    names = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD"}
    return {variable: str(told[name]) for name, variable in names.items()}


def measured(askers: Mapping[str, Asker], rounds: int) -> dict[str, dict[str, float]]:
    """The medians of all, whose rounds alternate; of processor time, told in hundredths of a second, the mean."""
    names = list(askers)
    for asker in askers.values():
        asker.round()
    found = _alternating(names, rounds, lambda name: askers[name].round())
    throughputs = _alternating(names, max(3, rounds // 5), lambda name: askers[name].requests_per_second())
    return {
        name: {
            "ms": round(median(clock for clock, _ in found[name]), 1),
            "cpu_ms": round(mean(cpu for _, cpu in found[name]), 1),
            "requests_per_s": round(median(throughputs[name]), 1),
        }
        for name in names
    }


def _alternating(names: Sequence[str], rounds: int, measure: Callable[[str], T]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        # Nobody is always the one after the slowest.
        for name in (*names[number % len(names) :], *names[: number % len(names)]):
            found[name].append(measure(name))
    return found


def run(items: int, rounds: int) -> dict[str, dict[str, float]]:
    """Build the catalogues, start the servers, and measure."""
    with running_server() as postgres, ExitStack() as stack:
        queries = _queries(_fill(postgres.template, items))
        few, many, open_ = (stack.enter_context(postgres.clone()) for _ in range(3))
        _rule(open_, ["*"])
        _rule(few, SHOWN)
        _rule(many, SHOWN, RULE_SETS)
        key_of_few, key_of_many = _register(few, 10, 2), _register(many, PEOPLE, ENTITIES)
        postmaster = postgres.cluster.status().pid
        assert postmaster is not None

        def server(database: Database, **environment: str) -> Server:
            program = served_program(SERVER, CONNINFO=database.conninfo("api"), **environment)
            return Server(stack.enter_context(program), postmaster)

        unruled, ruled, crowded = map(server, (open_, few, many))
        stock = stack.enter_context(served_program(STOCK_SERVER, **_of_libpq(open_)))
        askers = {
            "no rules": Asker(unruled, queries),
            "rules": Asker(ruled, queries),
            "rules, many people": Asker(crowded, queries),
            "rules, with a key": Asker(ruled, queries, key_of_few),
            "rules, many people, with a key": Asker(crowded, queries, key_of_many),
            "stock server": Asker(Server(stock, postmaster), queries),
        }
        if importlib.util.find_spec("stac_auth_proxy"):
            condition = f"collection IN ({', '.join(map(repr, SHOWN))})"
            oidc = stack.enter_context(provider()).issuer + "/.well-known/openid-configuration"
            proxied = server(open_, PROXY_FILTER=condition, OIDC=oidc)
            askers["stac-auth-proxy"] = Asker(proxied, queries)
        return measured(askers, rounds)


def main() -> None:
    """Measure, and print the medians and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = run(arguments.items, arguments.rounds)
    if arguments.json:
        print(json.dumps(results, indent=2))  # noqa: T201
        return
    base = results["no rules"]
    for name, result in results.items():
        columns = (f"{key} {value:8.1f} (×{value / base[key]:.2f})" for key, value in result.items())
        print(f"{name:32}", *columns, sep="  ")  # noqa: T201


if __name__ == "__main__":
    main()
