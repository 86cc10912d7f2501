"""An invented collection document with its sensor, and what is told of the mistakes that a test puts into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvester.collection_documents import load_collection_documents
from harvester.errors import CollectionDocumentError

INVENTED = """\
stac:
  id: gaia-demo
  title: Images de démonstration
  description: Une collection inventée.
  keywords: [démonstration]
  license: CC-BY-4.0
  providers:
    - {name: Observatoire inventé, roles: [producer, host]}
  extent:
    spatial: {bbox: [[-5, 41, 10, 51]]}
    temporal: {interval: [["2020-01-01T00:00:00Z", null]]}
  summaries:
    gsd: [0.5]
translations:
  en:
    title: Demonstration images
    description: An invented collection.
    keywords: [demonstration]
harvest:
  accepts: {missions: [GAIA1], profiles: [GAIA_]}
  sources:
    - source: deliveries
queryables:
  gaia:haze:
    title: Brume
    type: number
    translations:
      en: {title: Haze}
"""

SENSOR = """\
id: gaia
title: Gaïa
dimap: 2
profiles: [GAIA_]
constellation: gaia
satellites:
  GAIA1: {platform: gaia-1, title: Gaïa 1}
azimuth: target
stamp: dataset-name
bands: {R: red}
"""


def complaint(file: Path) -> str:
    """What the reader of a bad document is told."""
    with pytest.raises(CollectionDocumentError) as refusal:
        load_collection_documents(file.parent)
    return str(refusal.value)


def line_of(file: Path, text: str) -> int:
    """Number of the first line that holds this text, from 1."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)
