"""Of the addresses in records only those are published that stay valid and hold no secret."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.sources.lasting_addresses import lasting_address, with_blank_secrets

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


SIGNED = {
    "https://a.example/b.tif?sig=1": "https://a.example/b.tif?sig=",
    "https://a.example/b?st=1&se=2&sp=r&sv=3&sig=4%3D": "https://a.example/b?st=&se=&sp=r&sv=3&sig=",
    "https://a.example/b?Policy=1&Signature=2&Key-Pair-Id=K": "https://a.example/b?Policy=&Signature=&Key-Pair-Id=K",
    "https://a.example/b?temp_url_sig=1&temp_url_expires=2": "https://a.example/b?temp_url_sig=&temp_url_expires=",
    "https://a.example/b?x-oss-date=1&x-oss-signature=2#c": "https://a.example/b?x-oss-date=&x-oss-signature=#c",
    "see https://a.example/b?sig=1 and the rest & more": "see https://a.example/b?sig= and the rest & more",
    "<URL>https://a.example/b?c=1&amp;sig=2</URL><A x='3&amp;4'/>": (
        "<URL>https://a.example/b?c=1&amp;sig=</URL><A x='3&amp;4'/>"
    ),
    "https://a.example/b?st=1&se=2&policy=3": "https://a.example/b?st=1&se=2&policy=3",
    "https://a.example/b?design=1&token": "https://a.example/b?design=1&token",
    "https://user:se@cret@a.example/b?sig=1": "https://@a.example/b?sig=",
    "<URL>ftp://user:secret@a.example/b</URL><M>c@d.example</M>": "<URL>ftp://@a.example/b</URL><M>c@d.example</M>",
    "https://a.example, or write to c@d.example": "https://a.example, or write to c@d.example",
    "https://a.example/b@c": "https://a.example/b@c",
}


@pytest.mark.parametrize("said", SIGNED)
def test_a_signature_is_blank_with_what_differs_beside_it_and_so_is_a_login(said: str) -> None:
    """Whoever signs, in whatever text: nothing else is lost, and without a secret nothing is blank."""
    assert with_blank_secrets(said) == SIGNED[said]
    assert with_blank_secrets({"a": [said, 1]}) == {"a": [SIGNED[said], 1]}


def test_an_address_whose_login_is_blank_is_still_no_address() -> None:
    """What was not for everybody does not become so by losing its password."""
    assert lasting_address(with_blank_secrets("https://user:secret@files.example.org/a.tif")) is None
