"""Deliveries on servers as an operator has them: where they are, and what the environment must say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harvester.sources.file_servers import PASSWORD, USER, s3_client, s3_server, sftp_server
from tests.harvests import delivery

#: How many deliveries lie at each place.
DELIVERIES = 2

_LOGIN = {"DINAMIS_SOURCE_DELIVERIES_USER": USER, "DINAMIS_SOURCE_DELIVERIES_PASSWORD": PASSWORD}
_BUCKET = "deliveries"


@dataclass(frozen=True)
class Place:
    """Where deliveries lie."""

    location: str
    environment: Mapping[str, str]


@contextmanager
def on_sftp(folder: Path) -> Iterator[Place]:
    """An SFTP server whose key the user knows."""
    archive, home = folder / "archive", folder / "home"
    _deliver(archive)
    with sftp_server() as (port, key):
        (home / ".ssh").mkdir(parents=True)
        line = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
        (home / ".ssh" / "known_hosts").write_text(line, encoding="ascii")
        environment = {**_LOGIN, "HOME": str(home)}
        yield Place(f"sftp://127.0.0.1:{port}{archive}", environment)


@contextmanager
def on_s3(folder: Path) -> Iterator[Place]:
    """An object store; the two keys are user and password."""
    _deliver(folder)
    with s3_server(_BUCKET) as url:
        _upload(url, folder)
        yield Place(f"s3://{_BUCKET}/in", {**_LOGIN, "FSSPEC_S3_ENDPOINT_URL": url})


def _deliver(folder: Path) -> None:
    for number in range(DELIVERIES):
        delivery(folder / f"d{number}", seconds=60.0 * number)


def _upload(url: str, folder: Path) -> None:
    client = s3_client(url)
    for path in folder.rglob("*"):
        if path.is_file():
            client.put_object(Bucket=_BUCKET, Key=f"in/{path.relative_to(folder)}", Body=path.read_bytes())
    client.close()


PLACES: Mapping[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "sftp": on_sftp,
    "s3": on_s3,
}
