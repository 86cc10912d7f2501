"""Whatever happens to a document, reading it ends in a scene or in UnreadableScene, and in nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.dimap import read_metadata_file, scene_from_delivery
from harvester.errors import UnreadableScene
from harvester.sensors import Sensors

SAMPLES = [
    ["Terradue_Stars/PLEIADES/5897098101/IMG_PHR1A_MS_002", "DIM_PHR1A_MS_202108271549303_SEN_5897098101-2.XML"],
    [
        "Terradue_Stars/PLEIADES-NEO/000071864_1_1_STD_A/IMG_01_PNEO4_MS-FS",
        "DIM_PNEO4_202111151358313_MS-FS_ORT_PWOI_000071864_1_1_F_1.XML",
    ],
    [
        "Terradue_Stars/SPOT/CHARTER_ID788_SPOT7/PROD_SPOT7_001/VOL_SPOT7_001_A/IMG_SPOT7_PMS_001_A",
        "DIM_SPOT7_PMS_202011170245179_ORT_5481586101.XML",
    ],
    ["geotoolkit", "spotscene.xml"],
]
ROLES = ("product", "product", "product", "roi", "strip")
VALUES = st.one_of(
    st.sampled_from(["", "NA", "nan", "-inf", "0", "-1", "1e308", "1e-320", "180", "-95", "99999999999999999", "../x"]),
    st.floats().map(repr),
    st.integers().map(str),
    st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=20),
)
#: Thousands of elements that the reader never looks at would hide the others.
BULK = ("Histogram_Band_List", "Point_List", "Quaternion_List", "Spectral_Sensitivities", "Points")

ContentOf = Callable[[str], dict[str, Any]]


class Sample:
    """A sample product whose documents are parsed once, to be changed and put back."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        texts = content["documents"].items()
        self.roots = {role: fromstring(text.encode("utf-8", "surrogateescape")) for role, text in texts}
        for root in self.roots.values():
            for bulk in [element for element in root.iter() if element.tag in BULK]:
                bulk.clear()

    def mutated(self, role: str, mutate: Callable[[Element], None]) -> dict[str, Any]:
        """The content with one document changed."""
        root = fromstring(tostring(self.roots[role]))
        mutate(root)
        return {**self.content, "documents": {**self.content["documents"], role: tostring(root).decode()}}


@pytest.fixture(scope="module")
def mutable_samples(dimap_samples: Any, request: pytest.FixtureRequest) -> list[Sample]:
    """One sample of each family, SENSOR and ORTHO, DIMAP 1 and 2."""
    delivery_content = request.getfixturevalue("delivery_content_of_path")
    return [Sample(delivery_content("/".join(parts))) for parts in SAMPLES]


def _mutation(data: st.DataObject) -> Callable[[Element], None]:
    kind = data.draw(st.sampled_from(["drop", "double", "text", "attribute"]))
    position, value = data.draw(st.integers(0, 100_000)), data.draw(VALUES)

    def mutate(root: Element) -> None:
        parents = [(parent, child) for parent in root.iter() for child in parent]
        parent, child = parents[position % len(parents)]
        if kind == "drop":
            parent.remove(child)
        elif kind == "double":
            parent.append(child)
        elif kind == "text" or not child.attrib:
            child.text = value
        else:
            child.set(sorted(child.attrib)[0], value)

    return mutate


@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_a_changed_element_never_ends_in_another_error(
    mutable_samples: list[Sample], sensors: Sensors, data: st.DataObject
) -> None:
    """Dropping, doubling or rewriting any element of a genuine product, mask or lineage is survived."""
    sample = data.draw(st.sampled_from(mutable_samples))
    role = data.draw(st.sampled_from([role for role in ROLES if role in sample.roots]))
    content = sample.mutated(role, _mutation(data))
    with contextlib.suppress(UnreadableScene):
        assert scene_from_delivery(content, sensors).footprint.is_valid


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_changed_number_of_the_mask_never_ends_in_another_error(
    mutable_samples: list[Sample], sensors: Sensors, data: st.DataObject
) -> None:
    """Any coordinate of a mask may be anything: the footprint is valid all the same, or the product is refused."""
    sample = data.draw(st.sampled_from([sample for sample in mutable_samples if "roi" in sample.roots]))
    place, value = data.draw(st.integers(0, 100_000)), data.draw(VALUES)

    def mutate(root: Element) -> None:
        (positions,) = (element for element in root.iter() if element.tag.endswith("posList"))
        words = str(positions.text).split()
        words[place % len(words)] = value
        positions.text = " ".join(words)

    scene = scene_from_delivery(sample.mutated("roi", mutate), sensors)
    assert scene.footprint.is_valid
    assert not scene.footprint.is_empty


@given(cut=st.integers(0, 100_000), noise=st.binary(max_size=8))
@settings(max_examples=100, deadline=None)
def test_bytes_cut_and_spoilt_anywhere_never_end_in_another_error(
    made: Any, sensors: Sensors, cut: int, noise: bytes
) -> None:
    """A file broken off or overwritten at any byte is refused, or read where the damage means nothing."""
    document = made.edited().encode()
    place = cut % len(document)
    for spoilt in (document[:place] + noise, document[:place] + noise + document[place + len(noise) :]):
        read_metadata_file(spoilt, "DIM.XML")
        with contextlib.suppress(UnreadableScene):
            scene_from_delivery(made.content(spoilt), sensors)
