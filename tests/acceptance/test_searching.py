"""The served samples, found with pystac-client."""

from __future__ import annotations

from typing import Any

import pytest
from pystac_client import Client

HAITI = [-75.0, 17.5, -72.5, 19.0]
CLEAR = {"PHR1A_202108151541301", "PNEO3_202111071029126", "PNEO3_202111071029456", "PNEO4_202111151358313"}
PAIR = "pleiades-neo-3_202111071029126_202111071029456"
HAITIAN = {"PHR1A_202108151541301", "PHR1A_202108201553330", "PHR1A_202108271549303", "PHR1B_201512251537253"}


def found(client: Client, **search: Any) -> list[str]:
    """The ids of the Items that a search gives, in their order."""
    return [item.id for item in client.search(**search).items()]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("search", "ids"),
    [
        pytest.param({"bbox": HAITI}, HAITIAN, id="bbox"),
        pytest.param({"bbox": HAITI, "datetime": "2021-08-16/2021-09-01"}, {
            "PHR1A_202108201553330", "PHR1A_202108271549303",
        }, id="bbox and dates"),
        pytest.param({"datetime": "2020-11-17"}, {"SPOT7_202011170245179"}, id="day"),
        pytest.param({"datetime": "../2010-01-01T00:00:00Z"}, {"SPOT5_200703010711390_170395"}, id="until"),
        pytest.param({"ids": ["PHR1B_201911060805331", "absent"]}, {"PHR1B_201911060805331"}, id="ids"),
        pytest.param({"collections": ["pleiades-neo"]}, CLEAR - {"PHR1A_202108151541301"}, id="collection"),
        pytest.param({"bbox": [0, 60, 1, 61]}, set(), id="elsewhere"),
    ],
)  # fmt: skip
def test_items_are_found(client: Client, method: str, search: dict[str, Any], ids: set[str]) -> None:
    """Area, time, identity and collection select the Items, by GET and by POST alike, and are counted right."""
    assert set(found(client, method=method, **search)) == ids
    assert client.search(method=method, **search).matched() == len(ids)


def comparison(operator: str, name: str, value: float) -> dict[str, Any]:
    """A comparison in CQL2 JSON."""
    return {"op": operator, "args": [{"property": name}, value]}


@pytest.mark.parametrize(
    ("text", "json", "ids"),
    [
        pytest.param(
            "eo:cloud_cover <= 25",
            comparison("<=", "eo:cloud_cover", 25),
            CLEAR | {PAIR},
            id="cloud",
        ),
        pytest.param(
            "view:incidence_angle < 20",
            comparison("<", "view:incidence_angle", 20),
            {
                "PHR1A_202108151541301", "PHR1B_201512251537253", "PNEO3_202111071029456",
                "SPOT5_200703010711390_170395",
            },
            id="incidence",
        ),
        pytest.param(
            "eo:cloud_cover <= 25 AND view:incidence_angle < 20",
            {
                "op": "and",
                "args": [comparison("<=", "eo:cloud_cover", 25), comparison("<", "view:incidence_angle", 20)],
            },
            {"PHR1A_202108151541301", "PNEO3_202111071029456"},
            id="both",
        ),
    ],
)  # fmt: skip
def test_filters_select_items(client: Client, text: str, json: dict[str, Any], ids: set[str]) -> None:
    """CQL2 as text and as JSON select by cloud cover and incidence; what has no cloud cover is not clear."""
    assert set(found(client, method="GET", filter=text, filter_lang="cql2-text")) == ids
    assert set(found(client, method="POST", filter=json, filter_lang="cql2-json")) == ids
    assert client.search(filter=json, filter_lang="cql2-json").matched() == len(ids)


def test_results_are_sorted(client: Client) -> None:
    """Sorted by incidence, the steepest view comes first, or last."""
    rising = found(client, collections=["pleiades"], sortby=["+properties.view:incidence_angle"])
    assert rising == [
        "PHR1B_201512251537253",
        "PHR1A_202108151541301",
        "PHR1A_202108271549303",
        "PHR1A_202108201553330",
        "PHR1B_201911060805331",
    ]
    assert found(client, collections=["pleiades"], sortby="-properties.view:incidence_angle") == rising[::-1]


def test_pages_follow_each_other(client: Client) -> None:
    """Two Items at a time, every Item comes once."""
    ids = found(client, limit=2)
    assert len(ids) == len(set(ids)) == 11
    assert PAIR in ids


def test_missing_cloud_cover_stays_missing(served_items: dict[str, dict[str, Any]]) -> None:
    """The two products that state no cloud cover have none in the catalogue either; a clear sky is a zero."""
    clouds = {item_id: item["properties"].get("eo:cloud_cover") for item_id, item in served_items.items()}
    silent = {"PHR1B_201512251537253", "SPOT5_200703010711390_170395"}
    assert {item_id for item_id, cloud in clouds.items() if cloud is None} == silent
    assert all("eo:cloud_cover" not in served_items[item_id]["properties"] for item_id in silent)
    assert clouds["PNEO3_202111071029126"] == 0
