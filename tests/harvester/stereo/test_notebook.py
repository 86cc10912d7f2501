"""The example notebook runs from its first cell to its last against a served catalogue, and says what it promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

from harvester.sample_archive import DeliverySpec, View, write_delivery
from stac_api import ApiSettings, create_app
from tests.harvests import FIRST_VIEW, documents, harvest_context, run
from tests.postgres import PostgresServer
from tests.stac_api.invented_catalogue import serving

NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "notebooks" / "stereo.ipynb"
DIRECTIONS = ((0, 5.0, 14.0), (22, 95.0, 3.0), (44, 182.0, 13.0))


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A served catalogue with one triplet."""
    archive = tmp_path_factory.mktemp("archive")
    views = tuple(View(FIRST_VIEW + timedelta(seconds=late), azimuth, tilt) for late, azimuth, tilt in DIRECTIONS)
    spec = DeliverySpec(views=views, level="SENSOR", modes=("P",), rows=64, cols=64, pixel_m=60.0)
    write_delivery(archive, spec)
    with postgres_server.clone() as database:
        run(harvest_context(database, *documents()), archive)
        with serving(create_app(ApiSettings(), database.conninfo("api"))) as site:
            yield site.url


def cells() -> list[tuple[str, list[str]]]:
    """The code cells with their tags."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] for cell in code), "clear the outputs of the notebook"
    return [("".join(cell["source"]), cell["metadata"].get("tags", [])) for cell in code]


def test_notebook_runs_from_search_to_plot(url: str) -> None:
    """With the address and area of this catalogue every cell runs; pairs are ranked, and two figures are drawn."""
    names: dict[str, Any] = {"__name__": "__main__"}
    said = StringIO()
    with mpl.rc_context({"backend": "Agg"}), redirect_stdout(said):
        for source, tags in cells():
            exec(compile(source, str(NOTEBOOK), "exec"), names)
            if "parameters" in tags:
                names |= {"url": url, "bbox": [2, 48, 3, 49]}
        figures = names["plt"].get_fignums()
        names["plt"].close("all")
    assert len(names["kept"]) == 4, "the triplet and its three pairs"
    assert "3 images, 3 pairs, 1 triplets" in said.getvalue()
    scores = [names["suitability"](pair) for pair in names["ranked"]]
    assert scores == sorted(scores, reverse=True)
    assert len(figures) == 2
    assert names["picture"].startswith(b"\x89PNG")
