"""Holds the served demonstration against stac-api-validator and schemathesis: `make conformance`.

Needs no network: JSON Schemas are read from the folder beside the project where the tests find them too.
Exit code 0 when neither finds an error.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pystac
import requests

from footprints.stereo.properties import STEREO_EXTENSION

PROJECT = Path(__file__).resolve().parents[2]
SCHEMAS = PROJECT.parent / "shared" / "schemas"
BIN = Path(sys.executable).parent

CLASSES = [
    "core",
    "collections",
    "features",
    "item-search",
    "filter",
    "item-search#sort",
    "item-search#fields",
    "item-search#query",
    "features#sort",
    "features#fields",
    "features#query",
]


class SchemaTexts(pystac.stac_io.DefaultStacIO):
    """Lets pystac read schemas from the same folder."""

    def read_text_from_href(self, href: str) -> str:
        """The file that stands for this URL, else what is there."""
        file = schema_file(href)
        return file.read_text() if file.is_file() else super().read_text_from_href(href)


class SchemaFiles(requests.adapters.BaseAdapter):
    """Answers requests to other hosts from the folder of schemas, laid out as host/path; 404 for the rest."""

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        """The file that stands for this URL."""
        file = schema_file(str(request.url))
        response = requests.Response()
        response.status_code = 200 if file.is_file() else 404
        response.raw = BytesIO(file.read_bytes() if file.is_file() else b"")
        response.url = str(request.url)
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is held open."""


def schema_file(url: str) -> Path:
    """Where the schema of this URL lies in the folder, if it is there; those of the project lie beside the server."""
    if url == STEREO_EXTENSION:
        return PROJECT / "stac_api" / "schemas" / "stereo-v1.0.0.json"
    parts = urlsplit(url)
    return SCHEMAS / str(parts.hostname) / parts.path.lstrip("/")


def main() -> int:
    """Run both; the number of tools that found errors."""
    with served_demo() as url:
        return validator_errors(url) + schemathesis_errors(url)


@contextmanager
def served_demo() -> Iterator[str]:
    """The address of `dinamis demo`, served from a home of its own."""
    with tempfile.TemporaryDirectory(prefix="dinamis-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        port = free_port()
        environment = {**os.environ, "DINAMIS_HOME": home}
        command = [str(BIN / "dinamis"), "demo", "--port", str(port)]
        log = (Path(home) / "demo.log").open("wb")
        with log, subprocess.Popen(command, env=environment, stdout=log, stderr=log) as server:
            try:
                wait_until_healthy(f"http://127.0.0.1:{port}", server)
                yield f"http://127.0.0.1:{port}"
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=30)
                destroy = [str(BIN / "dinamis"), "db", "destroy", "--yes"]
                subprocess.run(destroy, env={**environment, "DINAMIS_HOME": f"{home}/demo"}, check=True)


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until the API answers; SystemExit when it ended or takes more than five minutes."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit(f"dinamis demo ended with exit code {server.returncode}")
        try:
            if requests.get(f"{url}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    sys.exit("dinamis demo did not answer within five minutes")


def validator_errors(url: str) -> int:
    """1 when stac-api-validator reports an error, which is printed."""
    from stac_api_validator.validations import QueryConfig, validate_api

    read_schemas_from_disk()
    _, errors = validate_api(
        root_url=url,
        ccs_to_validate=CLASSES,
        collection="pleiades",
        geometry=json.dumps(first_footprint(url, "pleiades")),
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property="properties.eo:cloud_cover",
        validate_pagination=True,
        query_config=QueryConfig(
            query_comparison_field="eo:cloud_cover",
            query_eq_value="0",
            query_neq_value="0",
            query_lt_value="50",
            query_lte_value="50",
            query_gt_value="0",
            query_gte_value="0",
            query_substring_field="platform",
            query_starts_with_value="pleiades",
            query_ends_with_value="1a",
            query_contains_value="ades",
            query_in_field="platform",
            # The validator takes the property for an array, and a text for the array of its letters: hence the "p".
            query_in_values="pleiades-1a,pleiades-1b,p",
        ),
        transaction_collection=None,
        headers={},
    )
    found = [message for _, message in errors.errors]
    print(f"stac-api-validator: {len(found)} errors", *found, sep="\n  ")
    return int(bool(found))


def first_footprint(url: str, collection: str) -> object:
    """The GeoJSON geometry of the first Item of a collection."""
    page = requests.get(f"{url}/collections/{collection}/items", params={"limit": 1}, timeout=30)
    return page.json()["features"][0]["geometry"]


def read_schemas_from_disk() -> None:
    """Let `requests` and pystac read schemas from the folder, when it is there, instead of the network."""
    if not SCHEMAS.is_dir():
        return
    pystac.StacIO.set_default(SchemaTexts)
    real = requests.Session.get_adapter

    def get_adapter(session: requests.Session, url: str) -> requests.adapters.BaseAdapter:
        return real(session, url) if urlsplit(url).hostname in ("127.0.0.1", "localhost") else SchemaFiles()

    requests.Session.get_adapter = get_adapter  # type: ignore[assignment, method-assign]


def schemathesis_errors(url: str) -> int:
    """1 when schemathesis makes the server fail (5xx) with any input that the OpenAPI description allows."""
    command = [str(BIN / "schemathesis"), "run", f"{url}/api", "--checks", "not_a_server_error", "--max-examples", "40"]
    return int(subprocess.run([*command, "--seed", "1", "--no-color"], check=False).returncode != 0)


if __name__ == "__main__":
    sys.exit(main())
