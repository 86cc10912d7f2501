"""The file names in a product are followed only where they stay below it."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.dimap import unsafe_reason
from harvester.dimap.document import parse_document
from harvester.dimap.links import links_of
from harvester.errors import UnreadableScene

UNSAFE = [
    "../other/IMG.TIF",
    "IMG/../../IMG.TIF",
    "%2e%2e/IMG.TIF",
    "/etc/passwd",
    "http://127.0.0.1/IMG.TIF",
    "file:///etc/passwd",
    "C:/IMG.TIF",
    "s3:IMG.TIF",
    "..\\IMG.TIF",
    "inner.zip!/IMG.TIF",
    "IMG\u202e.TIF",
]


@pytest.mark.parametrize("href", UNSAFE)
def test_images_outside_the_product_refuse_it(made: Any, href: str) -> None:
    """An image's name that leaves the directory makes the product unreadable, naming the path and the name."""
    document = made.edited(("IMG_R1C1.TIF", href))
    with pytest.raises(UnreadableScene, match=r"job/DIM\.XML: Raster_Data/.*DATA_FILE_PATH@href = "):
        links_of(parse_document(document.encode(), "job/DIM.XML"))


@pytest.mark.parametrize("href", UNSAFE)
def test_companions_outside_the_product_are_left_out_with_a_warning(made: Any, href: str) -> None:
    """A mask or preview with such a name is not followed, and the product is still read."""
    document = made.edited(("MASKS/ROI.GML", href), ("ICON.JPG", href), ("LINEAGE/STRIP.XML", href))
    links = links_of(parse_document(document.encode(), "job/DIM.XML"))
    assert (links.roi, links.strip) == (None, None)
    assert href not in links.hrefs()
    assert len(links.warnings) == 3
    assert "it is not followed" in made.read_bytes(document.encode()).warnings[0]


def test_all_files_of_a_product_are_named_once(made: Any) -> None:
    """Images, previews, the geometric model, masks and the lineage of the strip, as the product writes them."""
    links = links_of(parse_document(made.edited().encode(), "job/DIM.XML"))
    assert links.hrefs() == ("IMG_R1C1.TIF", "ICON.JPG", "PREVIEW.JPG", "RPC.XML", "MASKS/ROI.GML", "LINEAGE/STRIP.XML")
    assert [companion.kind for companion in links.companions] == ["thumbnail", "overview", "rpc", "mask-roi"]
    assert (links.roi, links.strip, links.warnings) == ("MASKS/ROI.GML", "LINEAGE/STRIP.XML", ())


def test_masks_are_told_by_their_measure_and_else_by_their_file(made: Any) -> None:
    """The code in brackets names the mask; a mask without one is named by the start of its file name."""
    with_code = made.edited(("Area_Of_Interest (ROI)", "Cloud_Cotation (CLD)"))
    without_code = made.edited(("Area_Of_Interest (ROI)", "Water"), ("MASKS/ROI.GML", "MASKS/WAT_X.GML"))
    nameless = made.edited(("Area_Of_Interest (ROI)", "Water"), ("MASKS/ROI.GML", "MASKS/1.GML"))
    kinds = [
        links_of(parse_document(text.encode(), "x")).companions[-1].kind for text in (with_code, without_code, nameless)
    ]
    assert kinds == ["mask-cld", "mask-wat", "mask-other"]


def test_ordinary_names_are_safe() -> None:
    """Spaces, accents, dots within names and a leading ./ are all right."""
    for href in ("IMG 1.TIF", "./MASKS/é.GML", "a..b/c...d.JP2", "IMG_PHR1A+1.TIF"):
        assert unsafe_reason(href) is None


def test_paths_are_joined_to_that_of_the_product(made: Any) -> None:
    """Files are named from the root of the source, normalised, with the name's own letters."""
    scene = made.read(("MASKS/ROI.GML", "./MASKS/ROI.GML"), ("RPC.XML", "RPC.XML"))
    assert scene.product.images[0].path == "job/IMG 01/IMG_R1C1.TIF"
    assert scene.root == "file:///archive"


def test_members_of_an_archive_are_named_in_it(made: Any, sensors: Any) -> None:
    """A product at the top of an archive has its images in that archive."""
    from harvester.dimap import scene_from_delivery  # noqa: PLC0415

    content = {**made.content(made.edited()), "path": "delivery.zip!/DIM.XML"}
    product = scene_from_delivery(content, sensors).product
    assert product is not None
    assert product.images[0].path == "delivery.zip!/IMG_R1C1.TIF"
