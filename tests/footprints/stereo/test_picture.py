"""The picture of a stereo set shows what its Items say, on any machine."""

from __future__ import annotations

import re
import struct
import subprocess
import sys

import pytest
from lxml import etree

from footprints.stereo.picture import numbers_of, stereo_picture
from tests.harvester.stereo.invented_pairs import set_item, view_item

PAIR_VIEWS = [view_item(0), view_item(2)]
SVG = "{http://www.w3.org/2000/svg}"


def words(picture: bytes) -> list[str]:
    """All texts of an SVG."""
    texts = etree.fromstring(picture).iter(f"{SVG}text")
    return ["".join(text.itertext()).strip() for text in texts]


def test_png_is_an_image_of_a_useful_size() -> None:
    """The default is a PNG that fills a page."""
    picture = stereo_picture(set_item(PAIR_VIEWS), PAIR_VIEWS)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 1000
    assert height > 400


def test_svg_says_the_numbers_of_the_item() -> None:
    """Convergence, overlap and all else that the Item knows stand in the picture as text."""
    pair = set_item(PAIR_VIEWS)
    said = words(stereo_picture(pair, PAIR_VIEWS, "svg"))
    assert f"{pair['properties']['stereo:convergence_angle']:.1f}°" in said
    assert {word for row in numbers_of(pair["properties"]) for word in row} <= set(said)
    assert pair["properties"]["title"] in said


def test_views_of_a_triplet_are_named_by_their_roles() -> None:
    """The views of a triplet are forward, nadir and backward in the order of time."""
    views = [view_item(number) for number in range(3)]
    said = words(stereo_picture(set_item(views), views, "svg"))
    roles = [f"{role}: {view['id']}" for role, view in zip(("forward", "nadir", "backward"), views, strict=True)]
    assert [word for word in said if word in roles] == roles


def test_missing_directions_are_told() -> None:
    """Where an azimuth is not known the picture is drawn without it, and says so."""
    views = [view_item(0, known=False), view_item(2, known=False)]
    said = words(stereo_picture(set_item(views), views, "svg"))
    assert "Satellite in the sky (2 not known)" in said
    assert "parallax to height" not in said


def test_set_across_the_antimeridian_is_drawn_in_one_place() -> None:
    """Footprints cut at 180° are brought together: the map spans less than one degree."""
    views = [view_item(0, lon=179.9), view_item(2, lon=179.9)]
    said = words(stereo_picture(set_item(views), views, "svg"))
    longitudes = [float(word) for word in said if re.fullmatch(r"(179|180)\.\d+", word)]
    assert longitudes
    assert max(longitudes) - min(longitudes) < 1


@pytest.mark.parametrize("picture_format", ["png", "svg"])
def test_equal_documents_give_equal_bytes(picture_format: str) -> None:
    """The picture depends on the documents alone, so that caches and comparisons work."""
    pair = set_item(PAIR_VIEWS)
    first, second = (stereo_picture(pair, PAIR_VIEWS, picture_format) for _ in range(2))  # type: ignore[arg-type]
    assert first == second


def test_drawing_needs_no_display_and_no_pyplot() -> None:
    """Importing the module leaves pyplot, which may look for a screen, alone."""
    program = "import sys, footprints.stereo.picture; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
