"""What an XML file is, told by its content alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harvester.dimap import read_metadata_file


def _document(body: str, root: str = "Dimap_Document") -> bytes:
    return f"<{root}>{body}</{root}>".encode()


def _identified(profile: str, subprofile: str | None = None) -> str:
    named = "" if subprofile is None else f"<METADATA_SUBPROFILE>{subprofile}</METADATA_SUBPROFILE>"
    return f"<Metadata_Identification><METADATA_PROFILE>{profile}</METADATA_PROFILE>{named}</Metadata_Identification>"


@pytest.mark.parametrize("subprofile", ["RPC", "LUT", "STRIP", "PROCESSING", "GROUND", "HEIGHT", "SINGLE_VOLUME"])
def test_documents_with_another_subprofile_are_companions(subprofile: str) -> None:
    """The lineage and model files have the profile and the root of a product: the subprofile decides."""
    data = _document(_identified("PHR_ORTHO", subprofile) + "<Raster_Data/>")
    assert read_metadata_file(data, "DIM_PHR1A.XML").classification.kind == "companion"


def test_a_product_is_one_under_any_name() -> None:
    """File names play no part."""
    found = read_metadata_file(_document(_identified("S6_PROJECTED", "PRODUCT")), "RPC_holiday.xml").classification
    assert (found.kind, found.profile, found.subprofile) == ("product", "S6_PROJECTED", "PRODUCT")


def test_dimap_1_scenes_are_products() -> None:
    """DIMAP 1 has another root section and no subprofile."""
    body = "<Metadata_Id><METADATA_PROFILE>SPOTSCENE_1A</METADATA_PROFILE></Metadata_Id><Dataset_Frame/>"
    assert read_metadata_file(_document(body), "METADATA.DIM").classification.profile == "SPOTSCENE_1A"
    assert read_metadata_file(_document(body), "METADATA.DIM").classification.kind == "product"


def test_documents_without_subprofile_are_products_only_with_an_image() -> None:
    """PeruSat-1 writes no subprofile: its DIM is a product, to be refused with a reason, its lineage is not."""
    identified = _identified("PER1_ORTHO")
    assert read_metadata_file(_document(identified + "<Raster_Data/>"), "DIM.XML").classification.kind == "product"
    assert (
        read_metadata_file(_document(identified + "<Dataset_Sources/>"), "PROCESSING.XML").classification.kind
        == "companion"
    )


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html><body/></html>", "not-dimap"),
        (b"", "not-dimap"),
        (b"\x00\x01", "not-dimap"),
        (b"<re:EarthObservation xmlns:re='http://schemas.rapideye.de/products/x'/>", "product"),
        (b"<eop:EarthObservation xmlns:eop='http://www.opengis.net/eop/2.0'/>", "not-dimap"),
        (b"<PHR_Dimap_Document/>", "product"),
    ],
)
def test_other_files_are_told_apart(data: bytes, kind: str) -> None:
    """Foreign files are not DIMAP; RapidEye and old Pléiades are products, so that they are refused with a reason."""
    assert read_metadata_file(data, "x.xml").classification.kind == kind


@pytest.mark.parametrize(
    ("subprofile", "kind"), [("PRODUCT", "product"), (None, "product"), ("STRIP", "companion"), ("RPC", "companion")]
)
def test_a_broken_product_is_still_a_product(subprofile: str | None, kind: str) -> None:
    """A truncated DIM is kept as a product, so that its damage is reported instead of passed over."""
    data = _document(_identified("PHR_ORTHO", subprofile))[: -len("</Dimap_Document>")]
    assert read_metadata_file(data, "DIM.XML").classification.kind == kind


def test_an_entity_bomb_that_looks_like_a_product_is_one() -> None:
    """What tries to harm the reader is reported as a product that is refused."""
    bomb = b"<!DOCTYPE Dimap_Document [<!ENTITY a 'aaa'>]><Dimap_Document>&a;</Dimap_Document>"
    assert read_metadata_file(bomb, "DIM.XML").classification.kind == "product"


def test_sample_companions_are_never_products(dimap_samples: Path) -> None:
    """No volume, list, lineage or model file of the samples is taken for a product."""
    kinds: dict[str, Any] = {}
    for file in sorted(dimap_samples.rglob("*.XML")):
        if not file.name.startswith(("DIM_", "PHRDIMAP")):
            kinds[file.name] = read_metadata_file(file.read_bytes(), file.name).classification.kind
    assert set(kinds.values()) == {"companion"}
    assert len(kinds) > 60
