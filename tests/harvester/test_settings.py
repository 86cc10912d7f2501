"""The settings of the harvester: what the environment says is understood, or refused with what it may say."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from database.commands.opening import settings_of
from database.commands.terminal import Failure
from database.documents.packaged import default_collections_directory
from harvester.settings import HarvestSettings


@pytest.mark.parametrize(
    ("written", "language"), [("fr", "fr"), ("en", "en"), ("en-GB", "en"), ("FR_fr", "fr"), (" en ", "en")]
)
def test_language_may_be_written_as_elsewhere(written: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language with a region or in capitals is the language that the documents speak."""
    monkeypatch.setenv("DINAMIS_LANGUAGE", written)
    assert HarvestSettings().language == language


@pytest.mark.parametrize("written", ["xx", " ", "english", "frxen"])
def test_unknown_language_is_refused_with_those_there_are(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language that no document speaks is not silently French."""
    monkeypatch.setenv("DINAMIS_LANGUAGE", written)
    with pytest.raises(ValidationError, match="is no language of the collection documents; there are fr, en"):
        HarvestSettings()


def test_a_variable_that_is_empty_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line `DINAMIS_CACHE=` of an environment file does not mean the folder in which the program was started."""
    for name in ("COLLECTIONS", "CACHE", "LANGUAGE", "NOTICE_WEBHOOK_URL", "NOTICE_MAIL_PORT"):
        monkeypatch.setenv(f"DINAMIS_{name}", "")
    settings = HarvestSettings()
    assert (settings.collections, settings.language) == (default_collections_directory(), "fr")
    assert settings.cache.is_absolute()
    assert (settings.notice_webhook_url, settings.notice_mail_port) == (None, 587)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"USER": "dinamis"}, "set both DINAMIS_NOTICE_MAIL_USER and DINAMIS_NOTICE_MAIL_PASSWORD"),
        ({"USER": "dinamis", "PASSWORD": "hidden", "SECURITY": "none"}, "needs DINAMIS_NOTICE_MAIL_SECURITY=starttls"),
        ({"PORT": "smtp"}, "^DINAMIS_NOTICE_MAIL_PORT: "),
    ],
)
def test_variables_that_do_not_fit_together_are_named(
    given: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with one variable or with several together ends a command with a sentence without secrets."""
    for name, value in given.items():
        monkeypatch.setenv(f"DINAMIS_NOTICE_MAIL_{name}", value)
    with pytest.raises(Failure, match=words) as refusal:
        settings_of(HarvestSettings)
    assert "hidden" not in refusal.value.format_message()
