"""Archives that change between two harvests: records are added, changed, broken, mended and deleted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from tests.emulators import geodes, oneatlas, stac
from tests.emulators.serving import serving
from tests.harvests import delivery

#: Records at first, and more of them at each change.
FIRST, MORE = 30, 4
_ALL = 200


class Archive(Protocol):
    """What is harvested again and again."""

    def served(self) -> AbstractContextManager[str]:
        """A context in which it can be harvested from the address that it gives."""

    def change(self, dice: Random) -> None:
        """Let some records be added, some change and some go."""


class Deliveries:
    """Folders of products on a disk."""

    def __init__(self) -> None:
        self._made = 0
        self._broken: dict[Path, str] = {}

    @contextmanager
    def served(self) -> Iterator[str]:
        """The folder, until the end of the block."""
        with TemporaryDirectory() as folder:
            self._folder = Path(folder)
            self._add(FIRST)
            yield folder

    def change(self, dice: Random) -> None:
        """Mend what was broken; add, change, break and delete."""
        for path, text in self._broken.items():
            path.write_text(text, "utf-8")
        kept = sorted(self._folder.rglob("DIM_*.XML"))
        changed, other, broken, gone = dice.sample(kept, 4)
        for path in (changed, other):
            cloud = f">{dice.randrange(1, 100)}.0</CLOUD"
            path.write_text(re.sub(r">[0-9.]+</CLOUD", cloud, path.read_text("utf-8")), "utf-8")
        self._broken = {broken: broken.read_text("utf-8")}
        broken.write_text(self._broken[broken][:2000], "utf-8")
        shutil.rmtree(gone.parent)
        self._add(MORE)

    def _add(self, number: int) -> None:
        for _ in range(number):
            self._made += 1
            # Each fourth is a further job of the acquisition before it: one Item of two records.
            acquisition = self._made - (self._made % 4 == 0)
            delivery(self._folder, seconds=5 * acquisition, job=f"6{self._made:09}")


class OneAtlas:
    """The catalogue of Airbus, which tells what it deletes."""

    def __init__(self) -> None:
        self._waiting = oneatlas.synthetic_features(_ALL)
        self._service = oneatlas.OneAtlas(self._next(FIRST))

    @contextmanager
    def served(self) -> Iterator[str]:
        """The service, until the end of the block."""
        with serving(self._service.app()) as address:
            yield address

    def change(self, dice: Random) -> None:
        """Add, change, break and delete, all of it now."""
        now = datetime.now(UTC)
        changed, other, broken, gone = dice.sample(sorted(self._service.ids()), 4)
        new = self._next(MORE)
        self._service.put(*new)
        for feature in new:
            self._service.touch(feature["properties"]["id"], now)
        for record in (changed, other):
            self._service.touch(record, now, cloudCover=float(dice.randrange(100)))
        self._service.touch(broken, now, platform="NONE")
        self._service.delete(gone, now)

    def _next(self, number: int) -> list[oneatlas.Feature]:
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken


class Geodes:
    """The portal of CNES, where a version of a record comes after another."""

    def __init__(self) -> None:
        self._waiting = geodes.synthetic_records(_ALL)
        self._service = geodes.app(self._next(FIRST))

    @contextmanager
    def served(self) -> Iterator[str]:
        """The service, until the end of the block."""
        with serving(self._service) as address:
            yield address

    def change(self, dice: Random) -> None:
        """Add, supersede, break and delete, all of it now."""
        now = datetime.now(UTC)
        names = sorted({record["properties"]["identifier"] for record in self._service.records})
        changed, other, broken, gone = dice.sample(names, 4)
        new = self._next(MORE)
        for record in new:
            record["properties"]["datetime"] = oneatlas.written(now)
        self._service.add(*new)
        for name in (changed, other):
            self._service.supersede(name, now, **{"eo:cloud_cover": float(dice.randrange(100))})
        self._service.supersede(broken, now, start_datetime=None)
        self._service.delete(gone)

    def _next(self, number: int) -> list[dict[str, Any]]:
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken


class StacApi:
    """A STAC API, which does not tell what it deletes."""

    def __init__(self) -> None:
        self._made = FIRST
        self._items: dict[str, Any] = {item["id"]: item for item in stac.synthetic_items(FIRST)}

    @contextmanager
    def served(self) -> Iterator[str]:
        """The service, until the end of the block."""
        with serving(stac.app(self._items)) as address:
            yield address

    def change(self, dice: Random) -> None:
        """Add, change, break and delete, all of it now."""
        changed, other, broken, gone = dice.sample(sorted(self._items), 4)
        for item in stac.synthetic_items(MORE, start=self._made):
            self._put(item, {})
        self._made += MORE
        for name in (changed, other):
            self._put(self._items[name], {"eo:cloud_cover": float(dice.randrange(100))})
        self._put(self._items[broken], {"datetime": "yesterday"})
        del self._items[gone]

    def _put(self, item: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        changed = deepcopy(dict(item))
        changed["properties"] |= {**properties, "updated": oneatlas.written(datetime.now(UTC))}
        self._items[changed["id"]] = changed


ARCHIVES: Mapping[str, Callable[[], Archive]] = {
    "deliveries": Deliveries,
    "oneatlas": OneAtlas,
    "geodes": Geodes,
    "stac": StacApi,
}
