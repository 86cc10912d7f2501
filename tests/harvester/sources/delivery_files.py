"""Small deliveries for tests of the walk: as much DIMAP as the walk looks at, not enough for a scene."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from harvester.credentials import Credentials
from harvester.record import Page, RawRecord
from harvester.sources.deliveries.source import Limits, Options, read_pages
from harvester.sources.source import Progress, Selection

LONG_AGO = 1_600_000_000  # a modification time that no clock takes for the present
DOCUMENT = (
    "<Dimap_Document><Metadata_Identification><METADATA_FORMAT>DIMAP</METADATA_FORMAT>"
    "<METADATA_PROFILE>{profile}</METADATA_PROFILE><METADATA_SUBPROFILE>{subprofile}</METADATA_SUBPROFILE>"
    "</Metadata_Identification>{content}</Dimap_Document>"
)
ROI_MASK = b"<Mask>\xe9</Mask>"  # a byte that is not UTF-8
STRIP = DOCUMENT.format(profile="PHR_ORTHO", subprofile="STRIP", content="").encode()
RPC = DOCUMENT.format(profile="PHR_SENSOR", subprofile="RPC", content="").encode()


def product(images: Sequence[str] = ("IMG.TIF",), comment: str = "") -> bytes:
    """A product that names images, an ROI mask and a strip lineage."""
    files = "".join(f'<Data_File><DATA_FILE_PATH href="{href}"/></Data_File>' for href in images)
    content = (
        "<Dataset_Sources><Source_Identification><Strip_Source/><Component>"
        '<COMPONENT_PATH href="LINEAGE/STRIP_DIM.XML"/></Component></Source_Identification></Dataset_Sources>'
        f"<Raster_Data><Data_Access><Data_Files>{files}</Data_Files></Data_Access></Raster_Data>"
        "<Quality_Assessment><Imaging_Quality_Measurement><MEASURE_NAME>Area of interest (ROI)</MEASURE_NAME>"
        '<Quality_Mask><Component><COMPONENT_PATH href="MASKS/ROI_MSK.GML"/></Component></Quality_Mask>'
        f"</Imaging_Quality_Measurement></Quality_Assessment><!-- {comment} -->"
    )
    return DOCUMENT.format(profile="PHR_ORTHO", subprofile="PRODUCT", content=content).encode()


def volume(*hrefs: str) -> bytes:
    """A volume document that names products or further volume documents."""
    components = "".join(
        f'<Component><COMPONENT_TYPE>DIMAP</COMPONENT_TYPE><COMPONENT_PATH href="{href}"/></Component>'
        for href in hrefs
    )
    content = f"<Dataset_Content><Dataset_Components>{components}</Dataset_Components></Dataset_Content>"
    return DOCUMENT.format(profile="VOLUME", subprofile="SINGLE_VOLUME", content=content).encode()


def delivery(comment: str = "") -> dict[str, bytes]:
    """The files of one small delivery with a product and all its companions."""
    return {
        "VOL_PHR.XML": volume("IMG_001/DIM.XML"),
        "IMG_001/DIM.XML": product(comment=comment),
        "IMG_001/IMG.TIF": b"\n",
        "IMG_001/RPC.XML": RPC,
        "IMG_001/MASKS/ROI_MSK.GML": ROI_MASK,
        "IMG_001/LINEAGE/STRIP_DIM.XML": STRIP,
        "LIBRARY/style.xml": b"<stylesheet/>",
    }


def write(directory: Path, files: Mapping[str, bytes]) -> Path:
    """Write files below a directory, as if long ago."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (LONG_AGO, LONG_AGO))
    return directory


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files; names are written as they are given."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar of files, packed with gzip unless told."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
    return packed.getvalue()


def no_fingerprints(ids: Sequence[str]) -> dict[str, str]:
    """What a ledger says that knows nothing yet."""
    return {}


def pages_of(
    location: Path | str, page_size: int = 200, cursor: str | None = None, progress: Progress | None = None
) -> Iterator[Page]:
    """The pages of a location, from a cursor on, for a ledger that knows nothing yet."""
    options = Options(url=str(location), page_size=page_size)
    return read_pages(options, Selection(), cursor, progress or Progress(), no_fingerprints)


def records_of(
    location: Path | str,
    limits: Limits | None = None,
    cursor: str | None = None,
    progress: Progress | None = None,
    credentials: Credentials | None = None,
) -> list[RawRecord]:
    """All records of a location, from a cursor on, for a ledger that knows nothing yet."""
    options = Options(url=str(location), limits=limits or Limits(), credentials=credentials or Credentials())
    pages = read_pages(options, Selection(), cursor, progress or Progress(), no_fingerprints)
    return [record for page in pages for record in page.records]


def problems_of(location: Path | str, limits: Limits | None = None) -> dict[str, str | None]:
    """The path of each record and its problem; two records of one path are an error."""
    records = records_of(location, limits)
    problems = {record.content["path"]: record.content["problem"] for record in records}
    assert len(problems) == len(records)
    return problems
