"""Deliveries on real servers read as they do on disk, and credentials stay where they are needed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import paramiko
import pytest
from pydantic import SecretStr

from harvester.credentials import Credentials
from harvester.errors import SourceUnavailable
from harvester.record import RawRecord
from harvester.sources.deliveries import ssh_files
from harvester.sources.source import Progress
from tests.harvester.sources.delivery_files import (
    RPC,
    delivery,
    pages_of,
    problems_of,
    product,
    records_of,
    tarred,
    write,
    zipped,
)
from tests.harvester.sources.file_servers import (
    PASSWORD,
    USER,
    ftp_server,
    s3_client,
    s3_server,
    sftp_server,
)

LOGIN = f"{USER}:{quote(PASSWORD, safe='')}"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive with all that a server must give: accents, companions, archives, refusals, a large file."""
    root = tmp_path / "archive é"
    write(root / "job 1", delivery("1"))
    write(root, {"d.zip": zipped(delivery("2")), "d.tgz": tarred(delivery("3")), "d.tar": tarred(delivery("4"), "w")})
    write(root, {"dir.xml/DIM.XML": product(), "tiny.zip": b"PK", "no.tgz": b"\x1f\x8b"})
    write(root / "orphan", {"RPC.XML": RPC, "EMPTY.XML": b"", "long.dim": product(comment="x" * 1_500_000)})
    return root


def located(records: list[RawRecord]) -> list[tuple[str, object, object, object]]:
    """What must be equal wherever the files are; a COG is only looked for on disk."""
    contents = [record.content for record in records]
    return [(content["path"], content["documents"], content["files"], content["problem"]) for content in contents]


def no_secret_in(records: list[RawRecord]) -> bool:
    """Whether neither the user nor the password, in any spelling, is in any record."""
    everything = b"".join(record.serialised() + record.id.encode() for record in records).decode()
    return not any(secret in everything for secret in (USER, PASSWORD, quote(PASSWORD), "s3cr"))


def resumes_everywhere(location: str) -> bool:
    """Whether each cursor leads to exactly the rest."""
    pages = list(pages_of(location, page_size=1))
    whole = [record for page in pages for record in page.records]
    halves = [records_of(location, cursor=page.next_cursor) for page in pages[:-1:2]]
    return all(half == whole[2 * number + 1 :] for number, half in enumerate(halves))


def test_ftp_reads_as_the_disk(archive: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Over FTP with a password the same records come, without the password in them or in the logs."""
    caplog.set_level(logging.DEBUG)
    with ftp_server(archive.parent) as (port, _):
        url = f"ftp://{LOGIN}@127.0.0.1:{port}/archive é"
        records = records_of(url)
        assert resumes_everywhere(url)
    assert located(records) == located(records_of(archive))
    assert {record.content["root"] for record in records} == {f"ftp://127.0.0.1:{port}/archive%20%C3%A9"}
    assert no_secret_in(records)
    assert "s3cr" not in caplog.text


def test_ftp_location_may_be_quoted_or_one_archive(archive: Path) -> None:
    """A URL with %-escapes, and that of one archive, are understood."""
    with ftp_server(archive.parent) as (port, _):
        problems = problems_of(f"ftp://{LOGIN}@127.0.0.1:{port}/archive%20%C3%A9/d.zip")
    assert problems == {"d.zip!/IMG_001/DIM.XML": None}


@pytest.mark.parametrize("login", ["", f"{USER}@"])
def test_ftp_login_may_come_apart_from_the_url(archive: Path, login: str) -> None:
    """A URL without a user, or with a user and no password, takes what it lacks from the credentials."""
    credentials = Credentials(user=USER, password=SecretStr(PASSWORD))
    with ftp_server(archive) as (port, _):
        (record,) = records_of(f"ftp://{login}127.0.0.1:{port}/d.zip", credentials=credentials)
    assert record.content["path"] == "d.zip!/IMG_001/DIM.XML"
    assert no_secret_in([record])


def test_ftp_password_of_one_user_is_not_sent_for_another(archive: Path) -> None:
    """The credentials of somebody else than the URL names are not used, and not shown."""
    credentials = Credentials(user="writer", password=SecretStr(PASSWORD))
    with ftp_server(archive) as (port, _), pytest.raises(SourceUnavailable) as refusal:
        records_of(f"ftp://{USER}@127.0.0.1:{port}/d.zip", credentials=credentials)
    assert "s3cr" not in str(refusal.value)


def test_ftp_with_a_wrong_password_says_so_without_it(archive: Path) -> None:
    """A refused login is a SourceUnavailable that advises and hides."""
    with ftp_server(archive) as (port, _), pytest.raises(SourceUnavailable) as refusal:
        records_of(f"ftp://{USER}:wr0ng@127.0.0.1:{port}/")
    assert "*** may not enter with ***" in str(refusal.value)
    assert "password" in str(refusal.value)
    assert "wr0ng" not in str(refusal.value)
    assert USER not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_ftp_time_that_is_none_stops_nothing(archive: Path) -> None:
    """Where a server writes zeros for a time that it does not know, the files are read all the same."""
    with ftp_server(archive, knows_times=False) as (port, _):
        assert records_of(f"ftp://{LOGIN}@127.0.0.1:{port}/")


def test_ftp_place_that_is_not_there_says_so(archive: Path) -> None:
    """A path that the server does not have is a SourceUnavailable."""
    with ftp_server(archive) as (port, _), pytest.raises(SourceUnavailable, match="does not exist"):
        records_of(f"ftp://{LOGIN}@127.0.0.1:{port}/elsewhere")


def test_ftp_directory_that_is_closed_is_a_record(archive: Path) -> None:
    """A directory that the server will not list is a refused record, and the walk goes on."""
    with ftp_server(archive, closed=archive / "job 1") as (port, _):
        problems = problems_of(f"ftp://{LOGIN}@127.0.0.1:{port}")
    assert "cannot be listed" in (problems.pop("job 1") or "")
    elsewhere = problems_of(archive)
    del elsewhere["job 1/IMG_001/DIM.XML"]
    assert problems == elsewhere


@pytest.mark.parametrize("closed", ["MASKS", "LINEAGE"])
def test_product_beside_a_closed_directory_is_refused(archive: Path, closed: str) -> None:
    """Its mask and lineage are not taken for missing: what it said before stays in force."""
    with ftp_server(archive, closed=archive / "job 1" / "IMG_001" / closed) as (port, _):
        problems = problems_of(f"ftp://{LOGIN}@127.0.0.1:{port}")
    assert "cannot be listed" in (problems["job 1/IMG_001/DIM.XML"] or "")
    assert "cannot be listed" in (problems[f"job 1/IMG_001/{closed}"] or "")


def test_volume_of_a_closed_directory_does_not_call_its_product_missing(archive: Path) -> None:
    """It is there, only not to be seen."""
    with ftp_server(archive, closed=archive / "job 1" / "IMG_001") as (port, _):
        problems = problems_of(f"ftp://{LOGIN}@127.0.0.1:{port}")
    assert "cannot be looked for: the directory cannot be listed" in (problems["job 1/VOL_PHR.XML"] or "")


def test_ftp_directory_that_goes_away_is_a_record(archive: Path) -> None:
    """A directory that is gone when its turn comes is a refused record, and the walk goes on."""
    with ftp_server(archive) as (port, _):
        pages = pages_of(f"ftp://{LOGIN}@127.0.0.1:{port}", page_size=1)
        first = next(pages)
        (archive / "job 1").rename(archive.parent / "gone")
        rest = [record for page in pages for record in page.records]
    problems = {record.content["path"]: record.content["problem"] for record in rest}
    assert first.records[0].content["problem"] is None
    assert "cannot be listed" in problems["job 1"]
    assert problems["orphan/long.dim"] is None


def test_ftp_server_that_goes_away_stops_the_walk(archive: Path) -> None:
    """A lost connection is not taken for refused files: the walk stops, to be taken up again."""
    write(archive, {f"more/{number}/DIM.XML": product() for number in range(3)})
    with ftp_server(archive) as (port, stop):
        pages = pages_of(f"ftp://{LOGIN}@127.0.0.1:{port}", page_size=1)
        next(pages)
        stop()
        with pytest.raises(SourceUnavailable, match="harvest again"):
            list(pages)


def test_sftp_reads_as_the_disk(archive: Path, known_host: Callable[[int, paramiko.PKey], None]) -> None:
    """Over SFTP with a password the same records come, without the password in them."""
    with sftp_server() as (port, key):
        known_host(port, key)
        records = records_of(f"sftp://{LOGIN}@127.0.0.1:{port}{archive}")
    assert located(records) == located(records_of(archive))
    assert records[0].id.startswith(f"sftp://127.0.0.1:{port}/")
    assert no_secret_in(records)


def test_sftp_links_are_judged_as_on_disk(archive: Path, known_host: Callable[[int, paramiko.PKey], None]) -> None:
    """Loops, links that leave and links to nothing are refused over SFTP too, links inside are counted."""
    (archive / "job 1" / "again").symlink_to(archive)
    (archive / "job 1" / "away").symlink_to("/etc")
    (archive / "job 1" / "nothing").symlink_to("nowhere")
    (archive / "other").symlink_to("job 1")
    with sftp_server() as (port, key):
        known_host(port, key)
        records = records_of(f"ssh://{LOGIN}@127.0.0.1:{port}{archive}")
    assert located(records) == located(records_of(archive))


def test_sftp_server_that_is_not_known_gets_no_password(
    archive: Path, known_host: Callable[[int, paramiko.PKey], None]
) -> None:
    """An unknown or changed server key is refused before any password is sent."""
    with sftp_server() as (port, _):
        with pytest.raises(SourceUnavailable, match="known_hosts"):
            records_of(f"sftp://{LOGIN}@127.0.0.1:{port}{archive}")
        known_host(port, paramiko.ECDSAKey.generate())
        with pytest.raises(SourceUnavailable, match="known_hosts"):
            records_of(f"sftp://{LOGIN}@127.0.0.1:{port}{archive}")


def test_sftp_server_may_be_known_to_the_whole_machine(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service without a home directory finds the key where OpenSSH keeps those of all users."""
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setattr(ssh_files, "SYSTEM_KNOWN_HOSTS", tmp_path / "ssh_known_hosts")
    with sftp_server() as (port, key):
        line = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
        (tmp_path / "ssh_known_hosts").write_text(line, encoding="ascii")
        records = records_of(f"sftp://{LOGIN}@127.0.0.1:{port}{archive}")
    assert located(records) == located(records_of(archive))


def test_sftp_with_a_wrong_password_says_so_without_it(
    archive: Path, known_host: Callable[[int, paramiko.PKey], None]
) -> None:
    """A refused login is a SourceUnavailable that advises and hides."""
    with sftp_server() as (port, key):
        known_host(port, key)
        with pytest.raises(SourceUnavailable, match="password") as refusal:
            records_of(f"sftp://{USER}:wr0ng@127.0.0.1:{port}{archive}")
    assert "wr0ng" not in str(refusal.value)


@pytest.fixture
def bucket(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The archive in a bucket of a real S3 server, reached with keys from the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", USER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", PASSWORD)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with s3_server("dinamis") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        client = s3_client(url)
        for path in archive.rglob("*"):
            if path.is_file():
                client.put_object(Bucket="dinamis", Key=f"a b/{path.relative_to(archive)}", Body=path.read_bytes())
        client.put_object(Bucket="dinamis", Key="a b/dir.xml/", Body=b"")
        client.close()
        yield "s3://dinamis"


def test_s3_reads_as_the_disk(archive: Path, bucket: str) -> None:
    """From an object store the same records come, without the keys in them."""
    remote, local = Progress(), Progress()
    records = records_of(f"{bucket}/a b", progress=remote)
    assert located(records) == located(records_of(archive, progress=local))
    assert remote == local
    assert records[0].id.startswith("s3://dinamis/a%20b/")
    assert no_secret_in(records)
    assert resumes_everywhere(f"{bucket}/a%20b/d.zip")


def test_s3_keys_with_an_empty_name_are_told(bucket: str) -> None:
    """What lies behind "//" in an object store cannot be listed as a directory, and is a record with a problem."""
    client = s3_client(os.environ["AWS_ENDPOINT_URL"])
    for key in ("new//DIM_X.XML", "new/job/", "new/job//IMG/DIM_X.XML"):
        client.put_object(Bucket="dinamis", Key=key, Body=b"<a/>")
    client.close()
    reason = "the objects below it have an empty name in their keys (//); rename them"
    assert problems_of(f"{bucket}/new") == {"/": f"/: {reason}", "job//": f"job//: {reason}"}


def test_s3_keys_may_stand_in_the_url(archive: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys written into the URL, or given as credentials, are used, and are in no record."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    credentials = Credentials(user=USER, password=SecretStr(PASSWORD))
    for records in (records_of(f"s3://{LOGIN}@dinamis/a b"), records_of("s3://dinamis/a b", credentials=credentials)):
        assert located(records) == located(records_of(archive))
        assert no_secret_in(records)


def test_s3_bucket_that_is_not_there_says_so(bucket: str) -> None:
    """A bucket or prefix without objects is a SourceUnavailable."""
    for url in ("s3://elsewhere", f"{bucket}/nothing"):
        with pytest.raises(SourceUnavailable, match=r"does not exist|may read it"):
            records_of(url)
