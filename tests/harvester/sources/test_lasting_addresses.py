"""Of the addresses in records only those are published that stay valid and hold no secret."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.sources.lasting_addresses import lasting_address

LASTING = (
    "https://files.example.org/a.tif",
    "s3://bucket/a.tif",
    "https://maps.example.org/wms?layers=a&keyword=b&author=c",
)
OTHERS = (
    "https://files.example.org/a.tif?X-Amz-Credential=a&x=1",
    "https://files.example.org/a.tif?Expires=1700000000",
    "https://files.example.org/a.tif?sig=",
    "https://files.example.org/a.tif?access_token=a",
    "https://files.example.org/a.tif?apiKey=a",
    "https://user:secret@files.example.org/a.tif",
    "https://[files",
    "ftp://files.example.org/a.tif",
    "/data/a.tif",
    "a.tif",
    None,
    {"href": "https://files.example.org/a.tif"},
)


@pytest.mark.parametrize("href", LASTING)
def test_an_open_address_is_published_as_it_is(href: str) -> None:
    """Parameters that sign nothing stay."""
    assert lasting_address(href) == href


@pytest.mark.parametrize("href", OTHERS)
def test_what_ends_or_lets_somebody_in_is_no_address(href: Any) -> None:
    """Neither a signature, nor a key, nor a login, nor a place that only the service knows gets out."""
    assert lasting_address(href) is None


def test_a_reader_may_know_further_schemes() -> None:
    """Where files of FTP servers are links, their addresses are lasting too."""
    assert lasting_address("ftp://files.example.org/a.tif", ("ftp",)) == "ftp://files.example.org/a.tif"
