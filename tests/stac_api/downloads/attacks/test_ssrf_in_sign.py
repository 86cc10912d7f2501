"""Attack: `/sign` is given an address of somebody else, to be signed, fetched or believed."""

from __future__ import annotations

import socket
import threading

import pytest

from tests.stac_api.downloads.protected_catalogue import PAN, Gate
from tests.stac_api.invented_catalogue import problem_of


def _addresses(own: str) -> list[str]:
    host = own.removeprefix("http://")
    return [
        f"http://evil.example{PAN}",
        f"http://evil.example/{host}{PAN}",
        f"http://{host}.evil.example{PAN}",
        f"http://evil{host}{PAN}",
        f"http://{host}@evil.example{PAN}",
        f"http://user:pass@{host}{PAN}",
        f"http://evil.example\\@{host}{PAN}",
        f"//{host}{PAN}",
        PAN,
        f"ftp://{host}{PAN}",
        f"file://{host}{PAN}",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:80/assets/members/IMAGE/pan",
        "http://[not-an-address/assets/members/IMAGE/pan",
        f"{own}/collections/members",
        f"{own}/sign",
        f"{own}{PAN}#part",
        f"{own}{PAN}?redirect=http://evil.example",
        f"{own}{PAN}?response-content-type=text/html",
        f"{own}{PAN};x",
        f"{own}/assets/members/IMAGE",
        f"{own}/assets/members/IMAGE/pan/more",
        f"{own}//assets/members/IMAGE/pan",
        f"{own}/x/../assets/members/IMAGE/pan",
        "javascript:alert(1)",
        "<VRTDataset><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>",
        "",
    ]


def test_only_our_own_addresses_are_signed(gate: Gate) -> None:
    """Host, scheme and path must be those of an asset here: no suffix, no user name, no trick of writing helps."""
    for address in _addresses(gate.site.url):
        answer = gate.request("POST", "/sign", gate.ada, json={"href": address})
        assert answer.status_code in (400, 404), address
        assert "sig=" not in answer.text, address


def test_a_stranger_among_ours_spoils_all(gate: Gate) -> None:
    """Many addresses with one of another host: nothing is signed, and the one is named."""
    urls = [gate.site.url + PAN, "http://evil.example" + PAN]
    problem = problem_of(gate.request("POST", "/sign_urls", gate.ada, json={"urls": urls}))
    assert [each["href"] for each in problem["errors"]] == urls[1:]


@pytest.mark.parametrize("route", ["/sign", "/sign_urls"])
def test_nothing_is_ever_fetched(gate: Gate, route: str) -> None:
    """A server that waits to be asked is not: addresses are read, never followed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        reached = threading.Event()

        def wait() -> None:
            try:
                listener.accept()[0].close()
                reached.set()
            except TimeoutError:
                pass

        waiting = threading.Thread(target=wait)
        waiting.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{PAN}"
        gate.request("POST", route, gate.ada, json={"href": url, "urls": [url]})
        waiting.join()
    assert not reached.is_set()


def test_forged_host_gets_no_more_than_its_sender_has(gate: Gate) -> None:
    """With the Host of another site the answer names that site, for the one who forged it: it opens nothing more."""
    href = f"http://evil.example{PAN}"
    answer = gate.request("POST", "/sign", gate.bob, json={"href": href}, headers={"Host": "evil.example"})
    assert answer.status_code == 403
