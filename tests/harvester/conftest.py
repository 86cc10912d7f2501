"""What the tests of several rooms of the harvester need."""

from __future__ import annotations

import pytest

from database.documents.packaged import default_collections_directory
from harvester.sensors import Sensors, load_sensors


@pytest.fixture(scope="session")
def sensors() -> Sensors:
    """The sensor documents of the project."""
    return load_sensors(default_collections_directory() / "sensors")
