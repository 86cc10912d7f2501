"""What every test may use: the genuine samples and the STAC schemas, which lie beside the project and never in it."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

pytest_plugins = ["tests.postgres"]

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of ours."""
    parser.addoption(
        "--histories", type=int, default=0, help="how many random histories a catalogue lives through, instead of a few"
    )
    parser.addoption(
        "--update-expectations",
        action="store_true",
        help="rewrite the expectations that are generated; the test still fails, so that the change is read",
    )


#: Files of these folders take longest: begun last, one of them would hold up the end.
BEGUN_FIRST = ("tests/harvester/jobs", "tests/chaos", "tests/acceptance")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slowest files, so that all cores are busy to the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(BEGUN_FIRST))


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of genuine vendor metadata and service payloads."""
    return _shared("samples")


@pytest.fixture(scope="session")
def schemas() -> Path:
    """The folder of STAC JSON Schemas, laid out as host/path of their URL."""
    return _shared("schemas")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"the project's {name} are not on this machine; they belong at {folder}")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test is a failure: there everything that a test needs is present."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("DINAMIS_CI") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, which is not allowed in CI: {report.longrepr}"
    return report
