"""Archives are read in place, and no member can reach outside them or exhaust the machine."""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from harvester.sources.deliveries.source import Limits
from tests.harvester.sources.delivery_files import delivery, problems_of, product, records_of, tarred, write, zipped


@pytest.mark.parametrize("name", ["d.zip", "d.ZIP", "d.tar", "d.tar.gz", "d.TGZ"])
def test_archive_reads_as_the_directory_that_it_packs(tmp_path: Path, name: str) -> None:
    """The record of a product in an archive differs from that of the unpacked one by its path alone."""
    files = delivery() | {"IMG_001/IMG.TIF": b"x" * 5_000_000}
    packed = zipped(files) if name.lower() == "d.zip" else tarred(files, "w" if name == "d.tar" else "w:gz")
    write(tmp_path, {f"packed/{name}": packed})
    write(tmp_path / "plain", files)
    (inside,), (plain,) = records_of(tmp_path / "packed"), records_of(tmp_path / "plain")
    assert inside.id == f"{tmp_path.as_uri()}/packed/{name}!/IMG_001/DIM.XML"
    assert inside.content["path"] == f"{name}!/IMG_001/DIM.XML"
    for part in ("documents", "files", "problem"):
        assert inside.content[part] == plain.content[part]


def test_large_image_of_a_packed_tar_does_not_change_the_answer(tmp_path: Path) -> None:
    """Members of a tar that begin with ./ and come in any order are found."""
    files = {f"./{name}": content for name, content in reversed(delivery().items())}
    write(tmp_path, {"d.tgz": tarred(files)})
    (record,) = records_of(tmp_path)
    assert set(record.content["documents"]) == {"product", "roi", "strip"}


@pytest.mark.parametrize("suffix", ["zip", "tar"])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../DIM.XML", "leaves the archive"),
        ("IMG/../../DIM.XML", "leaves the archive"),
        ("/etc/DIM.XML", "absolute path"),
        ("C:/DIM.XML", "drive"),
        ("IMG\\DIM.XML", "backslashes"),
        ("../IMG.TIF", "leaves the archive"),
        ("x" * 5000 + ".XML", "too long"),
    ],
)
def test_member_with_a_dangerous_name_is_refused(tmp_path: Path, suffix: str, name: str, reason: str) -> None:
    """A member whose name leads elsewhere is a refused record, nothing is written, and the others are read."""
    files = {name: product(), "ok/DIM.XML": product()}
    write(tmp_path / "archive", {f"evil.{suffix}": zipped(files) if suffix == "zip" else tarred(files, "w")})
    problems = problems_of(tmp_path / "archive")
    assert set(problems) == {f"evil.{suffix}!/{name}", f"evil.{suffix}!/ok/DIM.XML"}
    assert reason in (problems[f"evil.{suffix}!/{name}"] or "")
    assert [path.name for path in tmp_path.rglob("*")] == ["archive", f"evil.{suffix}"]


def test_archive_in_an_archive_is_read_and_a_third_refused(tmp_path: Path) -> None:
    """One level of nesting is read, deeper archives are refused with a reason."""
    third = zipped({"DIM.XML": product()})
    second = tarred({"DIM.XML": product(), "third.zip": third})
    write(tmp_path, {"first.zip": zipped({"DIM.XML": product(), "second.tgz": second})})
    problems = problems_of(tmp_path)
    assert set(problems) == {
        "first.zip!/DIM.XML",
        "first.zip!/second.tgz!/DIM.XML",
        "first.zip!/second.tgz!/third.zip!",
    }
    assert "nested" in (problems["first.zip!/second.tgz!/third.zip!"] or "")


def test_inner_archive_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """An archive in an archive is copied only up to the limit."""
    write(tmp_path, {"a.zip": zipped({"b.zip": zipped({"DIM.XML": product()})})})
    assert "more than the limit" in (problems_of(tmp_path, Limits(nested_archive_bytes=50))["a.zip!/b.zip!"] or "")


@pytest.mark.parametrize("suffix", ["zip", "tar", "tgz"])
def test_archive_with_too_many_members_is_refused(tmp_path: Path, suffix: str) -> None:
    """The number of members is bounded."""
    files = {f"{number}.TIF": b"" for number in range(30)}
    packed = {"zip": zipped(files), "tar": tarred(files, "w"), "tgz": tarred(files)}[suffix]
    write(tmp_path, {f"d.{suffix}": packed})
    assert "more than 20 members" in (problems_of(tmp_path, Limits(members=20))[f"d.{suffix}!"] or "")


def test_metadata_that_unpacks_out_of_all_proportion_is_refused(tmp_path: Path) -> None:
    """A zip member of metadata beyond the ratio is refused unread; a black image of the same ratio is harmless."""
    files = delivery() | {"bomb.xml": b"<Dimap_Document>" + b" " * 3_000_000, "black.TIF": bytes(3_000_000)}
    write(tmp_path, {"d.zip": zipped(files)})
    problems = problems_of(tmp_path)
    assert set(problems) == {"d.zip!/IMG_001/DIM.XML", "d.zip!/bomb.xml"}
    assert "taken for a bomb" in (problems["d.zip!/bomb.xml"] or "")


def test_packed_tar_that_unpacks_out_of_all_proportion_is_refused(tmp_path: Path) -> None:
    """A gzip bomb is refused before it is unpacked."""
    write(tmp_path, {"d.tgz": tarred({"a.TIF": bytes(5_000_000), "DIM.XML": product()})})
    assert "bomb" in (problems_of(tmp_path, Limits(archive_ratio_from_bytes=10**6))["d.tgz!"] or "")
    assert set(problems_of(tmp_path)) == {"d.tgz!/DIM.XML"}


def test_forged_tar_header_is_refused(tmp_path: Path) -> None:
    """An extended header that claims gigabytes is not read into memory."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**31
    write(tmp_path, {"d.tgz": gzip.compress(header.tobuf() + bytes(4096)), "ok/DIM.XML": product()})
    problems = problems_of(tmp_path)
    assert set(problems) == {"d.tgz!", "ok/DIM.XML"}
    assert "larger than any genuine one" in (problems["d.tgz!"] or "")


@pytest.mark.parametrize("name", ["d.zip", "d.tar", "d.tgz"])
@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"\x1f\x8b\x08\x00", b"no archive at all" * 100])
def test_broken_archive_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """What only has the name of an archive is a refused record."""
    write(tmp_path, {name: content})
    assert "cannot be read" in (problems_of(tmp_path)[f"{name}!"] or "")


@pytest.mark.parametrize("name", ["d.zip", "d.tgz"])
def test_truncated_archive_is_refused(tmp_path: Path, name: str) -> None:
    """An upload cut in the middle is a refused record."""
    files = delivery() | {"IMG_001/IMG.TIF": bytes(range(256)) * 400}
    packed = zipped(files) if name == "d.zip" else tarred(files)
    write(tmp_path, {name: packed[: len(packed) // 2]})
    assert set(problems_of(tmp_path)) == {f"{name}!"}


def test_member_that_is_damaged_or_encrypted_is_refused_alone(tmp_path: Path) -> None:
    """One bad member does not take the others with it."""
    packed = bytearray(zipped({"a/DIM.XML": product(), "b/DIM.XML": product(), "c/DIM.XML": product()}))
    first, second = (packed.index(name) for name in (b"a/DIM.XML", b"b/DIM.XML"))
    packed[first + 20] ^= 0xFF
    entry = packed.index(b"b/DIM.XML", second + 9) - 46
    packed[second - 30 + 6] |= 1
    packed[entry + 8] |= 1
    write(tmp_path, {"d.zip": bytes(packed)})
    problems = problems_of(tmp_path)
    assert "deliver it again" in (problems["d.zip!/a/DIM.XML"] or "")
    assert "encrypted" in (problems["d.zip!/b/DIM.XML"] or "")
    assert problems["d.zip!/c/DIM.XML"] is None


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    """A link in an archive, which could lead anywhere, is a refused record."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind in (("sym.XML", tarfile.SYMTYPE), ("hard.XML", tarfile.LNKTYPE), ("pipe.XML", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    link = zipfile.ZipInfo("link.XML")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    write(tmp_path, {"d.tar": packed.getvalue()})
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    problems = problems_of(tmp_path)
    assert set(problems) == {"d.tar!/sym.XML", "d.tar!/hard.XML", "d.tar!/pipe.XML", "d.zip!/link.XML"}
    assert all("link" in (problem or "") or "regular" in (problem or "") for problem in problems.values())


@pytest.mark.parametrize("order", [("a.xml", "a.xml/DIM.XML"), ("a.xml/DIM.XML", "a.xml")])
def test_member_with_the_name_of_a_directory_is_refused(tmp_path: Path, order: tuple[str, str]) -> None:
    """A file and a directory of one name are told apart, whichever comes first."""
    write(tmp_path, {"d.zip": zipped({name: product() for name in order})})
    problems = problems_of(tmp_path)
    assert set(problems) == {"d.zip!/a.xml", "d.zip!/a.xml/DIM.XML"}
    assert "same name" in (problems["d.zip!/a.xml"] or "")
    assert problems["d.zip!/a.xml/DIM.XML"] is None


def test_directory_that_is_named_as_an_entered_archive_is_refused(tmp_path: Path) -> None:
    """A directory `x.zip!` could be mistaken for the archive beside it."""
    write(tmp_path, {"x.zip!/DIM.XML": product(), "x.zip": zipped({"DIM.XML": product()})})
    records = records_of(tmp_path)
    assert len({record.id for record in records}) == 2
    assert [record.content["problem"] is None for record in records].count(True) == 1
