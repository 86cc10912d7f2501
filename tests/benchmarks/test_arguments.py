"""Benchmarks say at once what they cannot measure."""

from __future__ import annotations

import pytest

from tests.benchmarks import stereo


def test_too_few_items_for_a_page_of_sets_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence, before anything is measured."""
    with pytest.raises(SystemExit) as refused:
        stereo.main(["--items", "40"])
    assert refused.value.code == 2
    assert "take 1000 or more, or 0" in capsys.readouterr().err
