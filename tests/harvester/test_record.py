"""Raw records: how the ledger knows again what they said."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.record import RawRecord

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def written(content: dict[str, Any]) -> bytes:
    """Canonical JSON as the standard library writes it: so it stands in the ledger."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


@settings(max_examples=60, deadline=None)
@given(content=st.dictionaries(st.text(), values))
def test_content_is_kept_as_the_standard_library_writes_it(content: dict[str, Any]) -> None:
    """However it is written, what a record said has the text and the digest that it always had."""
    raw = RawRecord(id="a", content=content)
    assert raw.serialised() == written(content)
    assert raw.digest() == hashlib.sha256(written(content)).digest()


@pytest.mark.parametrize(
    "value",
    [
        1e16,
        1e-5,
        123456789012345680.0,
        -0.0,
        2**63,
        2**80,
        float("nan"),
        "é",
        "\x7f",
        "\ud800",
        "1e5",
        0.0001,
        1e15,
        9007199254740993.0,
        12345678901234567890.0,
        "null",
        "\x1b\t",
    ],
)
def test_values_that_are_written_in_several_ways_are_written_in_one(value: Any) -> None:
    """Numbers, letters and signs that writers of JSON treat differently keep their text, alone and inside others."""
    content = {"a": value, "b": [value], "c": {"d": value, "e": 1}, "f": [[value, 2]]}
    assert RawRecord(id="a", content=content).serialised() == written(content)


def test_from_where_it_was_looked_at_does_not_count() -> None:
    """The place is kept with the record and makes no other digest."""
    here, there = (RawRecord(id="a", content={"n": 1, "page": page}, place_keys=frozenset({"page"})) for page in "xy")
    assert here.digest() == there.digest() != RawRecord(id="a", content={"n": 2}).digest()
    assert b'"page":"x"' in here.serialised()
