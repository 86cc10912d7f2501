"""The genuine samples: every product and every orphan is one record, and nothing else is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harvester.errors import UnreadableScene
from harvester.record import RawRecord
from harvester.sensors import load_sensors
from harvester.sources.deliveries import source as deliveries
from harvester.sources.deliveries.source import Options
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress
from tests.harvester.sources.delivery_files import records_of

PROJECT = Path(__file__).resolve().parents[3]

#: Orphan RPC models in each folder of the samples.
ORPHANS = {
    "rpcm": 1,
    "s2p_history/calanques": 3,
    "s2p_history/cannes": 6,
    "s2p_history/giza": 2,
    "s2p_history/mont_blanc": 8,
    "s2p_history/ossoue": 4,
    "s2p_history/port_au_prince": 3,
    "shareloc": 4,
    "shareloc/phr_ventoux": 1,
}

#: Products that the reader refuses, and a word of the reason.
REFUSED_PRODUCTS = {
    "DIM_PER1_20170307150657_ORT_MS_000041.XML": "PeruSat",
    "DIM_PER1_20170307150657_ORT_P_000041.XML": "PeruSat",
    "DIM_PER1_202111071029126_PAN_synthetic.XML": "PeruSat",
    "DIM_PHR1A_202111071029126_PAN_synthetic.XML": "PHR1A",
    "PHRDIMAP_P1BP--2017030824934340CP.XML": "PHR_SYSTEM_RECTIFIED_PRODUCT",
}


@pytest.fixture(scope="module")
def records(samples: Path) -> list[RawRecord]:
    """All records of the samples."""
    return records_of(samples / "dimap")


def test_each_genuine_product_is_one_record(samples: Path, records: list[RawRecord]) -> None:
    """The records without a problem are exactly the metadata files of products."""
    names = ("DIM_*.XML", "spotscene.xml", "PHRDIMAP_*.XML")
    products = {str(path.relative_to(samples / "dimap")) for name in names for path in (samples / "dimap").rglob(name)}
    read = [record.content["path"] for record in records if record.content["problem"] is None]
    assert len(read) == len(products) == 19
    assert set(read) == products


def test_each_orphan_is_refused_with_its_reason(records: list[RawRecord]) -> None:
    """The records with a problem are exactly the RPC models that came without their product."""
    refused = [record.content for record in records if record.content["problem"] is not None]
    assert Counter(content["path"].rpartition("/")[0] for content in refused) == ORPHANS
    assert all("an RPC model without its product" in content["problem"] for content in refused)
    assert len({record.id for record in records}) == len(records)


def test_every_metadata_file_is_accounted_for(samples: Path) -> None:
    """Records, companions and other XML together are all XML files of the samples."""
    progress = Progress()
    records_of(samples / "dimap", progress=progress)
    passed_over = progress.passed_over or {}
    files = [path for path in (samples / "dimap").rglob("*") if path.is_file()]
    metadata = [path for path in files if path.suffix.lower() == ".xml"]
    assert progress.records + sum(passed_over.values()) == len(files)
    assert passed_over["other files"] == len(files) - len(metadata)


def test_products_of_the_samples_become_scenes_or_say_why_not(records: list[RawRecord]) -> None:
    """Through the front door of the source, 14 genuine products are scenes and the others have their reason."""
    sensors = load_sensors(PROJECT / "collections" / "sensors")
    scenes, reasons = {}, {}
    for record in records:
        name = record.content["path"].rpartition("/")[2]
        try:
            scenes[name] = SOURCES["deliveries"].scene_from_record(record, sensors)
        except UnreadableScene as refusal:
            reasons[name] = str(refusal)
    assert len(scenes) == 14
    assert set(reasons) - {name for name in reasons if name.lower().startswith("rpc_")} == set(REFUSED_PRODUCTS)
    assert all(word in reasons[name] for name, word in REFUSED_PRODUCTS.items())
    assert all("without its product" in reason for name, reason in reasons.items() if name not in REFUSED_PRODUCTS)


def test_the_source_is_registered_and_hides_its_password() -> None:
    """The table of sources knows the module, and its options show no password."""
    options = Options(url="ftp://reader:hidden@example.org:2121/a b")
    assert SOURCES["deliveries"] is deliveries
    assert options.shown_location == "ftp://example.org:2121/a b"
    assert "hidden" not in repr(options)
