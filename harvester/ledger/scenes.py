"""Acquisitions in the ledger: their names, and the times and places that their records give."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection

from database.statements import statements
from harvester.ledger.new_rows import copy_rows
from harvester.record import Moment

#: Columns of new rows, with their types.
_SCENE_COLUMNS = {
    "id": "text",
    "created": "timestamptz",
    "platform": "text",
    "acquired_at": "timestamptz",
    "footprint": "bytea",
}
_MOMENT_COLUMNS = {"scene": "text", "platform": "text", "acquired_at": "timestamptz", "footprint": "bytea"}
_ALIAS_COLUMNS = {"key": "text", "scene": "text"}

# Lists go to the server in binary: as text, each member would be scanned for characters to quote.
SCENES_OF_KEYS, SCENES_NEAR, KEEP_MOMENTS, MERGE_SCENES, REDIRECT_KEYS = statements(
    "harvester.ledger", "scenes_of_keys", "scenes_near", "keep_moments", "merge_scenes", "redirect_keys"
)


class KnownScene(NamedTuple):
    """An acquisition: its id, and when it became known."""

    id: str
    created: datetime


class SceneLedger:
    """The acquisitions as one transaction sees them."""

    def __init__(self, connection: Connection) -> None:
        """Work on a connection whose transaction the caller owns."""
        self._connection = connection

    def known(self, names: Collection[str]) -> dict[str, KnownScene]:
        """The acquisitions with these ids, by id."""
        if not names:
            return {}
        query = "SELECT id, created FROM dinamis.scene WHERE id = ANY(%b::text[])"
        rows = self._connection.execute(query, (list(names),))
        return {scene: KnownScene(scene, created) for scene, created in rows}

    def of_keys(self, keys: Collection[str]) -> dict[str, KnownScene]:
        """The acquisitions that are known under these names, by name."""
        rows = self._connection.execute(SCENES_OF_KEYS, {"keys": list(keys)})
        return {key: KnownScene(*rest) for key, *rest in rows}

    def near(self, moments: Sequence[Moment], seconds: float) -> list[tuple[int, str, bytes]]:
        """Known acquisitions of the same satellite within some seconds of each of these moments.

        Returns:
            The index of the moment, the id of the acquisition, and a footprint that one of its records gives (WKB).
        """
        rows = self._connection.execute(
            SCENES_NEAR,
            {
                "platforms": [moment.platform for moment in moments],
                "moments": [moment.acquired_at for moment in moments],
                "gap": seconds,
            },
        )
        return [(place, scene, bytes(footprint)) for place, scene, footprint in rows]

    def keep_new(self, scenes: Mapping[KnownScene, Sequence[Moment]]) -> None:
        """Insert acquisitions that the ledger does not hold.

        Args:
            scenes: each with the times and places that its records give.
        """
        rows = ((*scene, *(moments[0] if moments else (None, None, None))) for scene, moments in scenes.items())
        copy_rows(self._connection, "scene", _SCENE_COLUMNS, rows)
        if further := [(scene.id, *moment) for scene, moments in scenes.items() for moment in moments[1:]]:
            copy_rows(self._connection, "scene_moment", _MOMENT_COLUMNS, further)

    def keep_moments(self, scenes: Mapping[str, Sequence[Moment]]) -> None:
        """Replace the times and places of acquisitions with those that their records give."""
        first = [(scene, *(moments[0] if moments else (None, None, None))) for scene, moments in scenes.items()]
        names, platforms, times, footprints = zip(*first, strict=True)
        self._connection.execute(
            KEEP_MOMENTS,
            {
                "scenes": list(names),
                "platforms": list(platforms),
                "moments": list(times),
                "footprints": list(footprints),
            },
        )
        if further := [(scene, *moment) for scene, moments in scenes.items() for moment in moments[1:]]:
            copy_rows(self._connection, "scene_moment", _MOMENT_COLUMNS, further)

    def merge(self, survivors: Mapping[str, str]) -> None:
        """Replace acquisitions by the ones that they turned out to be (other -> survivor)."""
        self._connection.execute(MERGE_SCENES, {"others": list(survivors), "survivors": list(survivors.values())})

    def forget(self, scenes: Collection[str]) -> None:
        """Delete acquisitions that nothing refers to any more."""
        self._connection.execute("DELETE FROM dinamis.scene WHERE id = ANY(%b::text[])", (list(scenes),))

    def keep_new_keys(self, keys: Mapping[str, str]) -> None:
        """Insert names that the ledger does not hold (name -> scene)."""
        copy_rows(self._connection, "scene_alias", _ALIAS_COLUMNS, keys.items())

    def redirect_keys(self, keys: Mapping[str, str]) -> None:
        """Make names that the ledger holds lead to other acquisitions (name -> scene)."""
        self._connection.execute(REDIRECT_KEYS, {"keys": list(keys), "scenes": list(keys.values())})
