"""Whether a client has the current answer already, by its If-None-Match."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from stac_api.conditional_requests import has_current


@pytest.mark.parametrize("known", ['"a"', 'W/"a"', '"b", "a"', '"b",W/"a"', "*"])
@pytest.mark.parametrize("etag", ['"a"', 'W/"a"'])
def test_tag_that_the_client_has_is_known(known: str, etag: str) -> None:
    """A tag among several is known, weak or strong; a star knows all."""
    assert has_current(_request(known), etag)


@pytest.mark.parametrize("known", ["", '"b"', '"aa"', 'W/"b", "c"'])
def test_other_tags_are_not_the_current_one(known: str) -> None:
    """No other tag counts, also one of which the current one is a part."""
    assert not has_current(_request(known), '"a"')


def _request(known: str) -> Request:
    headers = [(b"if-none-match", known.encode())] if known else []
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})
