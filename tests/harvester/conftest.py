"""What the tests of several packages of the harvester need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from database.documents.packaged import default_collections_directory
from harvester.sensors import Sensors, load_sensors
from tests.harvester.invented_collection import INVENTED, SENSOR


@pytest.fixture(scope="session")
def sensors() -> Sensors:
    """The sensor documents of the project."""
    return load_sensors(default_collections_directory() / "sensors")


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write the invented document, some of its text replaced, into a directory that has its sensor."""
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "gaia.yaml").write_text(SENSOR, "utf-8")

    def write(*replacements: tuple[str, str], name: str = "gaia-demo") -> Path:
        text = INVENTED
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must stand once in the document"
            text = text.replace(old, new)
        file = tmp_path / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write
