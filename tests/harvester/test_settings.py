"""The settings of the harvester: what the environment says is understood, or refused with what it may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harvester.settings import HarvestSettings


@pytest.mark.parametrize(
    ("written", "language"), [("fr", "fr"), ("en", "en"), ("en-GB", "en"), ("FR_fr", "fr"), (" en ", "en")]
)
def test_language_may_be_written_as_elsewhere(written: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language with a region or in capitals is the language that the documents speak."""
    monkeypatch.setenv("DINAMIS_LANGUAGE", written)
    assert HarvestSettings().language == language


@pytest.mark.parametrize("written", ["xx", "", "english", "frxen"])
def test_unknown_language_is_refused_with_those_there_are(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language that no document speaks is not silently French."""
    monkeypatch.setenv("DINAMIS_LANGUAGE", written)
    with pytest.raises(ValidationError, match="is no language of the collection documents; there are fr, en"):
        HarvestSettings()
