"""The registry has each source, and what reads it is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from harvester.sources.csw import source as csw
from harvester.sources.deliveries import source as deliveries
from harvester.sources.geodes import source as geodes
from harvester.sources.geonetwork import source as geonetwork
from harvester.sources.ign import source as ign
from harvester.sources.oneatlas import source as oneatlas
from harvester.sources.oneatlas_sar import source as oneatlas_sar
from harvester.sources.openspot import source as openspot
from harvester.sources.registry import OPTIONS, SOURCES
from harvester.sources.resto import source as resto
from harvester.sources.source import Source
from harvester.sources.stac import source as stac

#: The type says to mypy what the registry, which imports by name, cannot: each module is a source.
MODULES: Mapping[str, Source] = {
    "csw": csw,
    "deliveries": deliveries,
    "geodes": geodes,
    "geonetwork": geonetwork,
    "ign": ign,
    "oneatlas": oneatlas,
    "oneatlas-sar": oneatlas_sar,
    "openspot": openspot,
    "resto": resto,
    "stac": stac,
}


def test_each_kind_is_the_source_of_its_options() -> None:
    """There is a module for each kind, and none that is not registered."""
    assert {kind: SOURCES[kind] for kind in OPTIONS} == MODULES


def test_unknown_kind_is_no_source() -> None:
    """A kind that there is not is not looked for among the modules."""
    with pytest.raises(KeyError):
        SOURCES["source"]


def test_documents_are_read_without_the_libraries_of_sources() -> None:
    """A command that asks no source does not wait for what only sources need."""
    program = (
        "import sys; from harvester import collection_documents as documents;"
        "documents.load_collection_documents(documents.default_collections_directory());"
        "print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    libraries = {"boto3", "fsspec", "httpx", "lxml", "paramiko", "pystac_client", "requests"}
    assert libraries & set(done.stdout.split()) == set()
