"""Real clients at the gateway: pystac-client, `teledetection`, our helper for notebooks, GDAL and curl."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pystac_client
import pytest

from tests.conftest import PROJECT
from tests.stac_api.access.invented_provider import AUDIENCE, InventedProvider, bearer, provider
from tests.stac_api.downloads.protected_catalogue import PAN, PIXELS, Gate, Holder, guarded

HELPER = PROJECT / "docs" / "notebooks" / "dinamis_sign.py"

READ_ROW = """
import sys
import rasterio
from rasterio.errors import RasterioIOError
try:
    with rasterio.open(sys.argv[1]) as image:
        print(image.read(1, window=((100, 101), (0, 3))).tolist())
except RasterioIOError as error:
    print("refused:", error)
"""

#: As `tld` is used, with the one constant changed that says which hosts it signs for.
TELEDETECTION = """
import sys
import pystac_client
import teledetection.sdk.signing as signing
url, host = sys.argv[1:3]
signing.S3_STORAGE_DOMAIN = host
calls = []
post = signing.session.post
signing.session.post = lambda **asked: calls.append(asked) or post(**asked)
for _ in range(2):
    catalogue = pystac_client.Client.open(url, modifier=signing.sign_inplace)
    for item in catalogue.search(ids=sys.argv[3].split(",")).items():
        print(item.assets["pan"].href)
print(len(calls))
"""


@pytest.fixture(scope="module")
def login() -> Iterator[InventedProvider]:
    """A provider of logins."""
    with provider() as running:
        yield running


@pytest.fixture(scope="module")
def gate(module_database: Any, guarded_archive: Path, login: InventedProvider) -> Iterator[Gate]:
    """The server, which knows the provider; Ada may log in there."""
    with guarded(module_database, guarded_archive, oidc_issuers=(login.issuer,), oidc_audiences=(AUDIENCE,)) as running:
        with module_database.connect("owner") as connection:
            connection.execute(
                "UPDATE dinamis.person SET issuer = %s, subject = 'ada' WHERE id = %s",
                (login.issuer, running.ada.person),
            )
        yield running


@pytest.fixture(scope="module")
def helper() -> ModuleType:
    """Our helper, as a notebook imports it from its own folder."""
    spec = importlib.util.spec_from_file_location("dinamis_sign", HELPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(code: str, *arguments: str, **environment: str) -> str:
    """The output of a Python program of its own: GDAL holds the interpreter while it reads, and the server needs it."""
    answer = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def _basic(gate: Gate, holder: Holder) -> str:
    return gate.site.url.replace("://", f"://{holder.key.id}:{holder.key.secret}@")


@pytest.mark.parametrize("how", ["bearer", "key"])
def test_pystac_client_with_a_credential(gate: Gate, login: InventedProvider, how: str) -> None:
    """With a token or a key in its headers pystac-client searches, and the same headers open the image."""
    headers = bearer(login.token()) if how == "bearer" else gate.ada.headers
    catalogue = pystac_client.Client.open(gate.site.url, headers=headers)
    (item,) = catalogue.search(ids=["IMAGE"]).items()
    href = item.assets["pan"].href
    assert href == gate.site.url + PAN
    assert gate.get(href, headers=headers).status_code == 200
    assert gate.get(href).status_code == 401


def test_pystac_client_with_our_modifier(gate: Gate, helper: ModuleType) -> None:
    """Items come with images that open by themselves; what the user may not have stays as it is."""
    sign = helper.Signer(gate.site.url, api_key=str(gate.ada.key))
    catalogue = pystac_client.Client.open(gate.site.url, modifier=sign)
    items = {item.id: item for item in catalogue.search(collections=["members"]).items()}
    assert run(READ_ROW, f"/vsicurl/{items['IMAGE'].assets['pan'].href}") == "[[100, 100, 100]]"
    assert items["LAUNCH-PAD"].assets["pan"].href == f"{gate.site.url}/assets/members/LAUNCH-PAD/pan"
    assert "sig=" in items["LAUNCH-PAD"].assets["overview"].href
    page = next(iter(catalogue.search(ids=["IMAGE"]).pages_as_dicts()))
    assert "sig=" in page["features"][0]["assets"]["pan"]["href"]


def test_our_modifier_signs_once(gate: Gate, helper: ModuleType) -> None:
    """An address that is signed already is not asked for again, and strangers' addresses are left alone."""
    sign = helper.Signer(gate.site.url, api_key=str(gate.ada.key))
    first = sign.sign([gate.site.url + PAN])
    assert sign.sign([gate.site.url + PAN]) == first
    item = {"assets": {"a": {"href": "https://other.example/assets/x/y/z"}}}
    assert sign(json.loads(json.dumps(item))) == item


def test_our_modifier_signs_a_single_address(gate: Gate, helper: ModuleType) -> None:
    """Libraries that hand over one address at a time, as `patch_url` of odc-stac does, get it signed, or as it was."""
    sign = helper.Signer(gate.site.url, api_key=str(gate.ada.key))
    assert gate.get(sign(gate.site.url + PAN)).status_code == 200
    forbidden, foreign = f"{gate.site.url}/assets/members/LAUNCH-PAD/pan", "https://other.example/assets/x/y/z"
    assert [sign(forbidden), sign(foreign)] == [forbidden, foreign]


def test_our_modifier_says_what_is_wrong(gate: Gate, helper: ModuleType) -> None:
    """A key that is none is told of at once, in the words of the server."""
    with pytest.raises(PermissionError, match="API key"):
        helper.Signer(gate.site.url, api_key="dk_none").sign([gate.site.url + PAN])


def test_environment_names_server_and_key(gate: Gate, helper: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Client.open(url, modifier=sign_inplace)` is all that a notebook says."""
    monkeypatch.setenv("DINAMIS_URL", gate.site.url)
    monkeypatch.setenv("DINAMIS_API_KEY", str(gate.ada.key))
    catalogue = pystac_client.Client.open(gate.site.url, modifier=helper.sign_inplace)
    (item,) = catalogue.search(ids=["IMAGE"]).items()
    assert gate.get(item.assets["pan"].href).status_code == 200


def _teledetection(gate: Gate, holder: Holder, ids: str, folder: Path) -> str:
    host = gate.site.url.removeprefix("http://")
    return run(
        TELEDETECTION,
        *(gate.site.url, host, ids),
        TLD_SIGNING_ENDPOINT=gate.site.url,
        TLD_ACCESS_KEY=holder.key.id,
        TLD_SECRET_KEY=holder.key.secret,
        TLD_CONFIG_DIR=str(folder),
        TLD_RETRY_TOTAL="1",
    )


def test_teledetection_signs_and_keeps_what_it_signed(gate: Gate, tmp_path: Path) -> None:
    """The client of the Maison de la Télédétection takes our answers, and its cache serves the second search."""
    first, second, calls = _teledetection(gate, gate.ada, "IMAGE", tmp_path).splitlines()
    assert (first, calls) == (second, "1")
    assert run(READ_ROW, f"/vsicurl/{first}") == "[[100, 100, 100]]"


def test_teledetection_understands_our_refusals(gate: Gate, tmp_path: Path) -> None:
    """It reads problems as Python: ours have no null in them, so that it fails with the status, not with its parser."""
    with pytest.raises(AssertionError, match="403 Client Error"):
        _teledetection(gate, gate.bob, "IMAGE", tmp_path)


@pytest.mark.parametrize("how", ["in the address", "in a netrc file", "as an option", "as a header"])
def test_gdal_opens_a_protected_cog_with_a_key(gate: Gate, how: str, tmp_path: Path) -> None:
    """HTTP Basic as QGIS has it, in the address or a netrc file, and GDAL's own options open a COG, range by range."""
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {gate.ada.key.id} password {gate.ada.key.secret}\n", encoding="utf-8")
    options = {
        "in the address": {},
        "in a netrc file": {"GDAL_HTTP_NETRC_FILE": str(netrc)},
        "as an option": {"GDAL_HTTP_USERPWD": f"{gate.ada.key.id}:{gate.ada.key.secret}", "GDAL_HTTP_AUTH": "BASIC"},
        "as a header": {"GDAL_HTTP_HEADERS": f"X-API-Key: {gate.ada.key}"},
    }[how]
    url = _basic(gate, gate.ada) if how == "in the address" else gate.site.url
    assert run(READ_ROW, f"/vsicurl/{url}{PAN}", **options) == "[[100, 100, 100]]"


def test_gdal_opens_a_signed_cog(gate: Gate) -> None:
    """A signed address is all that GDAL needs."""
    assert run(READ_ROW, f"/vsicurl/{gate.signed(PAN, gate.ada)}") == "[[100, 100, 100]]"


def test_gdal_is_refused_like_everybody(gate: Gate) -> None:
    """Without a credential, or with that of somebody who has not signed, GDAL opens nothing."""
    assert "refused" in run(READ_ROW, f"/vsicurl/{gate.site.url}{PAN}")
    assert "refused" in run(READ_ROW, f"/vsicurl/{_basic(gate, gate.bob)}{PAN}")


def test_curl_reads_ranges_and_asks_again_by_etag(gate: Gate, tmp_path: Path) -> None:
    """With `curl -u key:secret`, resumed downloads and conditional ones work as with any file."""
    user = ["curl", "-sS", "-u", f"{gate.ada.key.id}:{gate.ada.key.secret}"]
    part, whole = tmp_path / "part.tif", (gate.archive / "pan.tif").read_bytes()
    part.write_bytes(whole[:1000])
    url = gate.site.url + PAN
    subprocess.run([*user, "-C", "-", "-o", str(part), url], check=True, timeout=60)
    assert part.read_bytes() == whole
    head = subprocess.run([*user, "-I", url], check=True, timeout=60, capture_output=True, text=True).stdout
    assert f"content-length: {len(whole)}" in head.lower()
    etag = tmp_path / "etag"
    status = [*user, "-o", os.devnull, "-w", "%{http_code}", "--etag-save", str(etag), "--etag-compare", str(etag), url]
    answers = [subprocess.run(status, check=True, timeout=60, capture_output=True, text=True).stdout for _ in range(2)]
    assert answers == ["200", "304"]


def test_pixels_are_those_of_the_archive(gate: Gate) -> None:
    """The last row comes through as the first, so that ranges at the end are right."""
    code = READ_ROW.replace("(100, 101)", f"({PIXELS - 1}, {PIXELS})")
    assert run(code, f"/vsicurl/{gate.signed(PAN, gate.ada)}") == f"[[{', '.join([str(PIXELS - 1)] * 3)}]]"
