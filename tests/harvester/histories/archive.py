"""Five sources of the same few images, and what may happen to their records between harvests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from footprints import ViewingDirection
from harvester.record import RawRecord, SceneRecord, Withdrawal
from harvester.sensors import Sensors
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Content, InventedSource, feed_of, image

IMAGES = 4
COLLECTIONS = (
    HELD,
    COAST,
    ARCHIVE,
    "pleiades-stereo",
    "pleiades-tristereo",
    "airbus-archive-pleiades-stereo",
    "airbus-archive-pleiades-tristereo",
)
FEEDS = {
    "held": feed_of("held", HELD),
    "other": feed_of("other", HELD),
    "coast": feed_of("coast", COAST),
    "archive": feed_of("archive", ARCHIVE),
    "any": feed_of("any", None),  # its records go where the documents or the operator say
}
#: Before the ids of the images of a source whose Items have a collection of their own: ids are unique in the catalogue.
_PREFIXES = {"coast": "COAST-"}
#: Azimuth and incidence of each image, degrees: some make pairs and triplets, some do not.
_DIRECTIONS = ((5.0, 14.0), (95.0, 3.0), (182.0, 13.0), (190.0, 25.0))

_TOLD_OTHERWISE = {"image", "later", "with", "prefix", "own_key"}

WITHDRAWN, LOST = "withdrawn", "lost"
Change = Content | str  #: what a record says from now on; or that its source says that it is gone, or shows it no more

numbers = st.integers(0, IMAGES - 1)
whole = st.fixed_dictionaries(
    {"cloud": st.sampled_from((1, 2, 3, 40)), "job": st.sampled_from(("JOB_1", "JOB_2"))},
    optional={"image": numbers, "east": st.just(0.02), "later": st.just(1)},
)
contradicting = st.fixed_dictionaries(
    {"cloud": st.just(1), "prefix": st.sampled_from(("OTHER-", "COAST-", ""))},
    optional={"with": st.lists(numbers, max_size=1), "own_key": st.just(True)},
)
joining = st.fixed_dictionaries(
    {"cloud": st.just(1), "with": st.lists(numbers, min_size=1, max_size=2)}, optional={"own_key": st.just(True)}
)
withdrawn: st.SearchStrategy[Change] = st.just(WITHDRAWN)
lost: st.SearchStrategy[Change] = st.just(LOST)
torn = st.fixed_dictionaries({"cloud": st.just(1), "problem": st.just("it is torn")})


def changes(*of_a_record: st.SearchStrategy[Change]) -> st.SearchStrategy[dict[int, Change]]:
    """What becomes of some records of a source, by their numbers."""
    return st.dictionaries(numbers, st.one_of(*of_a_record), min_size=1, max_size=IMAGES)


@dataclass
class ChangingSource(InventedSource):
    """A source of which each record is, unless it says otherwise, of the image with its number."""

    name: str = ""
    has_fingerprints: bool = False
    is_mended: bool = False  #: the reader: it reads what it took for torn

    def __post_init__(self) -> None:
        """Begin with a record of each image."""
        self.change({number: {"cloud": 1} for number in range(IMAGES)})

    def change(self, changed: Mapping[int, Change]) -> None:
        """Let some records say something else, or be gone."""
        for number, change in changed.items():
            record = f"{self.name}-{number}"
            self.records.pop(record, None)
            self.withdrawals = [each for each in self.withdrawals if each.id != record]
            if change == WITHDRAWN:
                self.withdrawals.append(Withdrawal(id=record, reason="it was sold"))
            elif not isinstance(change, str):
                self.records[record] = self._content(number, change)
        if self.has_fingerprints:
            self.fingerprints = {record: repr(said) for record, said in self.records.items()}

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene of the record, seen from where its image was taken."""
        if self.is_mended:
            raw = RawRecord(id=raw.id, content={**raw.content, "problem": None})
        azimuth, incidence = _DIRECTIONS[raw.content["direction"]]
        seen = ViewingDirection(azimuth, incidence, incidence * 0.9)
        return replace(super().scene_from_record(raw, sensors), viewing=seen)

    def _content(self, number: int, said: Mapping[str, Any]) -> Content:
        number = said.get("image", number)
        content = image(number, direction=number, **{name: said[name] for name in said.keys() - _TOLD_OTHERWISE})
        key, own = content["image"], said.get("prefix", _PREFIXES.get(self.name, ""))
        others = [image(other)["image"] for other in said.get("with", ())]
        content["image"] = own + key
        content["keys"] = [f"{own}KEY-{key}" if said.get("own_key") else key, *others]
        content["seconds"] += said.get("later", 0)
        return content
