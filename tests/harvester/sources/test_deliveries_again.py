"""A second run reads what changed and nothing else, wherever the files are."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import paramiko
import pytest
from pydantic import SecretStr

from harvester.credentials import Credentials
from harvester.record import Page
from harvester.sample_archive import DeliverySpec, View, write_delivery
from harvester.sources.deliveries.fingerprints import Fingerprint
from harvester.sources.deliveries.local_tree import LocalTree
from harvester.sources.deliveries.source import Options, read_pages
from harvester.sources.source import Progress, Selection
from tests.harvester.sources.delivery_files import LONG_AGO, RPC, delivery, product, tarred, volume, write, zipped
from tests.harvester.sources.file_servers import PASSWORD, USER, ftp_server, s3_client, s3_server, sftp_server


class KnownProducts:
    """The fingerprints that a ledger keeps, and how it was asked for them."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.asked: list[int] = []

    def __call__(self, ids: Sequence[str]) -> Mapping[str, str]:
        """The fingerprints of those that are known."""
        self.asked.append(len(ids))
        return {each: self.kept[each] for each in ids if each in self.kept}

    def run(self, location: Path | str, page_size: int = 200, cursor: str | None = None) -> tuple[list[str], list[str]]:
        """Harvest a location: the paths of the records that were read, and the ids of those that were not."""
        pages = self.pages(location, page_size, cursor)
        records = [record for page in pages for record in page.records]
        self.kept |= {record.id: record.fingerprint for record in records if record.fingerprint}
        return [record.content["path"] for record in records], [each for page in pages for each in page.unread]

    def pages(self, location: Path | str, page_size: int = 200, cursor: str | None = None) -> list[Page]:
        """The pages of a location."""
        login = Credentials(user=USER, password=SecretStr(PASSWORD))
        options = Options(url=str(location), page_size=page_size, credentials=login)
        return list(read_pages(options, Selection(), cursor, Progress(), self))


@pytest.fixture
def known() -> KnownProducts:
    """A ledger that knows nothing yet."""
    return KnownProducts()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two jobs; the second is delivered as a zip too."""
    root = tmp_path / "archive"
    write(root / "job 1", delivery("1"))
    write(root / "job 2", delivery("2"))
    return write(root, {"z.zip": zipped(delivery("3"))})


def later(path: Path, content: bytes, seconds: int = 1) -> None:
    """Write a file somewhat later than those that `write` writes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO + seconds, LONG_AGO + seconds))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files below an archive that are opened."""
    names: list[str] = []
    original = Path.open

    def open_and_tell(self: Path, *arguments: object, **options: object) -> object:
        names.append(self.name)
        return original(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_and_tell)
    return names


def test_first_run_reads_each_document_once(tmp_path: Path, known: KnownProducts, opened: list[str]) -> None:
    """A product and the documents around it are opened once, though each is asked for several times."""
    names = ("VOL_PHR.XML", "DIM.XML", "RPC.XML", "style.xml")
    write(tmp_path, delivery())
    opened.clear()
    known.run(tmp_path)
    assert {name: opened.count(name) for name in names} == dict.fromkeys(names, 1)


@pytest.mark.parametrize("page_size", [1, 3, 200])
def test_second_run_reads_nothing(archive: Path, known: KnownProducts, opened: list[str], page_size: int) -> None:
    """Products, and the documents around them, are not opened again; only archives are, for the names of members."""
    paths, unread = known.run(archive)
    assert (len(paths), unread) == (3, [])
    opened.clear()
    assert known.run(archive, page_size) == ([], list(known.kept))
    assert opened == ["z.zip"]


def test_second_run_accounts_for_the_same_files(archive: Path, known: KnownProducts) -> None:
    """What is passed over is counted alike, whether it was read or known."""
    counts = []
    for _ in range(2):
        progress = Progress()
        for page in read_pages(Options(url=str(archive)), Selection(), None, progress, known):
            known.kept |= {record.id: record.fingerprint for record in page.records if record.fingerprint}
        counts.append((progress.records, progress.passed_over))
    assert counts[0] == counts[1]
    assert counts[0][0] == 3


@pytest.mark.parametrize(
    "name",
    ["DIM.XML", "IMG.TIF", "MASKS/ROI_MSK.GML", "LINEAGE/STRIP_DIM.XML"],
    ids=lambda name: name.rpartition("/")[2],
)
def test_changed_file_is_read_again(archive: Path, known: KnownProducts, name: str) -> None:
    """Another modification time of any file that makes the record is seen, even with equal size."""
    known.run(archive)
    changed = archive / "job 1" / "IMG_001" / name
    later(changed, changed.read_bytes())
    paths, unread = known.run(archive)
    assert paths == ["job 1/IMG_001/DIM.XML"]
    assert len(unread) == 2
    assert known.run(archive)[0] == []


def test_file_that_is_replaced_as_it_is_read_is_read_again(
    archive: Path, known: KnownProducts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the new one has a time of long ago, as what is copied or unpacked has."""
    name = "job 1/IMG_001/DIM.XML"

    def read_and_replace(tree: LocalTree, path: str, limit_bytes: int) -> bytes:
        content = read(tree, path, limit_bytes)
        if path == name:
            later(archive / name, product(comment="delivered again"))
        return content

    with monkeypatch.context() as patch:
        read = LocalTree.read
        patch.setattr(LocalTree, "read", read_and_replace)
        known.run(archive)
    assert known.run(archive)[0] == [name]
    assert known.run(archive)[0] == []


def test_file_that_appears_or_goes_is_seen(archive: Path, known: KnownProducts) -> None:
    """A named file that was missing and is delivered, or was there and is gone, makes its product read again."""
    image = archive / "job 1" / "IMG_001" / "IMG.TIF"
    image.unlink()
    known.run(archive)
    later(image, b"here it is")
    assert known.run(archive)[0] == ["job 1/IMG_001/DIM.XML"]
    image.unlink()
    assert known.run(archive)[0] == ["job 1/IMG_001/DIM.XML"]


def test_vanished_product_is_among_neither(archive: Path, known: KnownProducts) -> None:
    """A product that is gone is neither read nor unread."""
    known.run(archive)
    shutil.rmtree(archive / "job 1")
    paths, unread = known.run(archive)
    assert paths == []
    assert [each.rpartition("/archive/")[2] for each in unread] == ["job%202/IMG_001/DIM.XML", "z.zip!/IMG_001/DIM.XML"]


def test_vanished_product_of_a_volume_is_told(tmp_path: Path, known: KnownProducts) -> None:
    """A volume that was complete is judged again when one of its products is gone, though the other is unchanged."""
    names = ("IMG_MS/DIM_MS.XML", "IMG_P/DIM_P.XML")
    write(tmp_path, {**dict.fromkeys(names, product()), "VOL.XML": volume(*names)})
    assert known.run(tmp_path)[0] == list(names)
    (tmp_path / names[0]).unlink()
    assert known.run(tmp_path)[0] == ["VOL.XML"]


@pytest.mark.parametrize("companion", ["IMG_001/RPC.XML", "VOL_PHR.XML", "LIBRARY/style.xml"])
def test_damaged_companion_is_found(archive: Path, known: KnownProducts, companion: str) -> None:
    """A document that was passed over and is damaged now is refused, though its product did not change."""
    known.run(archive)
    later(archive / "job 1" / companion, b"<Dimap_Document><Metadata_Ident")
    assert known.run(archive)[0] == [f"job 1/{companion}"]


@pytest.mark.parametrize("other", ["IMG/LIBRARY/DIM.XML", "IMG/DIM_without_images.XML"])
def test_companion_whose_product_vanished_is_told(tmp_path: Path, known: KnownProducts, other: str) -> None:
    """A companion that was accounted for by one product is an orphan without it, whatever product is before it."""
    content = product() if "LIBRARY" in other else product(())
    write(tmp_path, {"IMG/DIM.XML": product(), other: content, "IMG/RPC.XML": RPC})
    known.run(tmp_path)
    (tmp_path / "IMG" / "DIM.XML").unlink()
    assert known.run(tmp_path)[0] == ["IMG/RPC.XML"]


PACKED: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {
    "d.zip": zipped,
    "d.tar": lambda files: tarred(files, "w"),
    "d.tgz": tarred,
}


@pytest.mark.parametrize("name", PACKED)
def test_members_are_known_by_their_archive(tmp_path: Path, known: KnownProducts, name: str) -> None:
    """Products in an unchanged archive are not read; in a changed one they all are."""
    write(tmp_path, {name: PACKED[name](delivery())})
    known.run(tmp_path)
    assert known.run(tmp_path) == ([], list(known.kept))
    later(tmp_path / name, PACKED[name](delivery("again")))
    assert known.run(tmp_path)[0] == [f"{name}!/IMG_001/DIM.XML"]


@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_file_that_is_as_new_as_the_run_is_not_trusted(archive: Path, known: KnownProducts, ahead_s: int) -> None:
    """What was changed in the second of its reading, or later by its clock, could change again unseen."""
    moment = datetime.now(UTC).timestamp() + ahead_s
    os.utime(archive / "job 1" / "IMG_001" / "IMG.TIF", (moment, moment))
    known.run(archive)
    assert known.run(archive)[0] == ["job 1/IMG_001/DIM.XML"]


def test_refused_records_are_read_each_time(archive: Path, known: KnownProducts) -> None:
    """What has a problem has no fingerprint, so that it is tried again."""
    write(archive, {"a/DIM.XML": product()[:300], "b/DIM.XML": product(("../x.TIF",)), "c/EMPTY.XML": b""})
    refused = {"a/DIM.XML", "b/DIM.XML", "c/EMPTY.XML"}
    assert refused < set(known.run(archive)[0])
    assert set(known.run(archive)[0]) == refused


def test_resuming_anywhere_gives_the_rest_of_a_second_run(archive: Path, known: KnownProducts) -> None:
    """Each cursor leads to exactly the records and the unread ids that follow it."""
    known.run(archive)
    later(archive / "job 2" / "IMG_001" / "IMG.TIF", b"other")
    pages = known.pages(archive, page_size=1)
    assert [(len(page.records), len(page.unread)) for page in pages] == [(0, 1), (1, 0), (0, 1)]
    for number, page in enumerate(pages[:-1], start=1):
        assert known.pages(archive, page_size=1, cursor=page.next_cursor) == pages[number:]


def test_ledger_is_asked_in_batches(tmp_path: Path, known: KnownProducts) -> None:
    """One question serves a page of documents, not one each."""
    write(tmp_path, {f"{number:02}/DIM.XML": product() for number in range(50)})
    known.run(tmp_path, page_size=20)
    assert known.asked == [20, 20, 10]


def test_fingerprint_that_is_not_understood_is_not_believed(archive: Path, known: KnownProducts) -> None:
    """Any other text than a fingerprint of this version makes the product read."""
    paths, _ = known.run(archive)
    for text in ("", "x", "sha256:00", next(iter(known.kept.values()))[:-5]):
        known.kept = dict.fromkeys(known.kept, text)
        assert Fingerprint.from_text(text) is None
        assert known.run(archive)[0] == paths


def test_fingerprint_of_a_delivery_is_small(tmp_path: Path, known: KnownProducts) -> None:
    """A delivery as Airbus makes it has a fingerprint of about a kilobyte."""
    view = View(datetime(2022, 5, 4, 10, 40, 12, tzinfo=UTC), 255.4, 18.5, 183.0)
    write_delivery(tmp_path, DeliverySpec(views=(view,), level="ORTHO", rows=64, cols=64, pixel_m=8.0))
    for path in tmp_path.rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    known.run(tmp_path)
    assert {len(text) < 1500 for text in known.kept.values()} == {True}
    assert known.run(tmp_path)[0] == []


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """Two jobs without archives; a mask of one is not delivered."""
    write(tmp_path / "archive" / "job 1", delivery("1"))
    write(tmp_path / "archive" / "job 2", {"DIM.XML": product(), "IMG.TIF": b"x"})
    return tmp_path / "archive"


def test_second_run_over_ftp_fetches_nothing(unpacked: Path, known: KnownProducts) -> None:
    """Over FTP the second run lists each directory once and retrieves no file; a changed one is retrieved."""
    commands: list[str] = []
    with ftp_server(unpacked, commands=commands) as (port, _):
        url = f"ftp://127.0.0.1:{port}"
        assert len(known.run(url)[0]) == 2
        assert "RETR" in commands
        commands.clear()
        assert known.run(url) == ([], list(known.kept))
        assert (commands.count("RETR"), commands.count("MLSD")) == (0, 7)
        later(unpacked / "job 1" / "IMG_001" / "DIM.XML", product(comment="1"))
        assert known.run(url)[0] == ["job 1/IMG_001/DIM.XML"]
        shutil.rmtree(unpacked / "job 1")
        assert known.run(url) == ([], [f"{url}/job%202/DIM.XML"])


def test_ftp_server_that_tells_no_exact_times_is_read_each_time(unpacked: Path, known: KnownProducts) -> None:
    """Without MLSD times are of minutes or days, so nothing is trusted."""
    with ftp_server(unpacked, without=("MLSD", "MLST")) as (port, _):
        first, second = (known.run(f"ftp://127.0.0.1:{port}") for _ in range(2))
    assert first == second
    assert len(first[0]) == 2


def test_second_run_over_sftp_reads_nothing(
    unpacked: Path, known: KnownProducts, known_host: Callable[[int, paramiko.PKey], None], opened: list[str]
) -> None:
    """Over SFTP the second run opens no file; a changed one is read."""
    with sftp_server() as (port, key):
        known_host(port, key)
        url = f"sftp://127.0.0.1:{port}{unpacked}"
        assert len(known.run(url)[0]) == 2
        opened.clear()
        assert known.run(url) == ([], list(known.kept))
        assert [name for name in opened if name != "known_hosts"] == []
        later(unpacked / "job 2" / "IMG.TIF", b"y")
        assert known.run(url)[0] == ["job 2/DIM.XML"]


def test_second_run_over_s3_fetches_nothing(
    unpacked: Path, known: KnownProducts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From an object store the second run gets listings only; an object of equal size is told by its ETag."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with s3_server("dinamis") as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        caplog.set_level(logging.INFO, logger="werkzeug")
        client = s3_client(url)
        for path in filter(Path.is_file, unpacked.rglob("*")):
            client.put_object(Bucket="dinamis", Key=f"in/{path.relative_to(unpacked)}", Body=path.read_bytes())
        assert len(known.run("s3://dinamis/in")[0]) == 2
        assert objects_got(caplog)
        caplog.clear()
        assert known.run("s3://dinamis/in") == ([], list(known.kept))
        assert not objects_got(caplog)
        assert caplog.messages
        client.put_object(Bucket="dinamis", Key="in/job 2/IMG.TIF", Body=b"y")
        assert known.run("s3://dinamis/in")[0] == ["job 2/DIM.XML"]
        client.delete_object(Bucket="dinamis", Key="in/job 2/DIM.XML")
        assert known.run("s3://dinamis/in") == ([], ["s3://dinamis/in/job%201/IMG_001/DIM.XML"])
        client.close()


def objects_got(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The requests for objects among what the server logged; listings ask the bucket itself."""
    return [message for message in caplog.messages if "GET /dinamis/in/" in message]
