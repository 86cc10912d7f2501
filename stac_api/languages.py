"""Collections and queryables in the language that the reader asks for (STAC Language extension, Accept-Language)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from asyncpg import Connection

from database.statements import statements
from stac_api.stac_document import Document

LANGUAGES_OF_COLLECTIONS, WORDS_OF_QUERYABLES = statements(
    "stac_api", "languages_of_collections", "words_of_queryables"
)

Translations = Mapping[str, Mapping[str, Any]]  #: language -> the translated fields


async def translations_of(connection: Connection, collections: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The stored translations: collection -> language -> fields."""
    rows = await connection.fetch(
        "SELECT collection, language, content FROM dinamis.collection_translation WHERE collection = ANY ($1)",
        collections,
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row["collection"], {})[row["language"]] = row["content"]
    return found


def in_language(collection: Mapping[str, Any], translations: Translations, accepted: str | None) -> Document:
    """The collection in an accepted language if it has one, else in its own, with fitting `language` and `languages`.

    A collection without a stated language stays as it is.
    """
    own = own_language(collection)
    chosen = preferred_language(accepted, [own, *translations]) if own else None
    if chosen is None or chosen == own:
        return dict(collection)
    known = {each["code"]: each for each in (collection.get("languages") or []) if "code" in each}
    others = [collection["language"], *(known[code] for code in known if code != chosen)]
    return {
        **collection,
        **translations[chosen],
        "language": known.get(chosen, {"code": chosen}),
        "languages": others,
    }


async def words_of_queryables(
    connection: Connection, collections: Sequence[str] | None, accepted: str | None
) -> tuple[dict[str, dict[str, str]], set[str]]:
    """The words of the properties that can be searched, for the collections that are not given in their own language.

    Args:
        connection: to the catalogue.
        collections: ids; None for all.
        accepted: the Accept-Language header; None when it was not sent.

    Returns:
        Title and description of each property, by its name; and the languages in which the collections are given.
    """
    rows = await connection.fetch(LANGUAGES_OF_COLLECTIONS, collections)
    given = {row["id"]: preferred_language(accepted, [row["own"], *row["others"]]) for row in rows if row["own"]}
    words: dict[str, dict[str, str]] | None = await connection.fetchval(
        WORDS_OF_QUERYABLES, list(given), list(given.values())
    )
    return words or {}, set(given.values())


def own_language(collection: Mapping[str, Any]) -> str | None:
    """The language code of a stored collection; None when it does not state one."""
    code: str | None = (collection.get("language") or {}).get("code")
    return code


def preferred_language(accepted: str | None, available: Sequence[str]) -> str:
    """The available language that an Accept-Language header prefers; the first one if it accepts none of them.

    Args:
        accepted: The header, such as `en-GB,en;q=0.9,fr;q=0.5`; None when it was not sent.
        available: Language codes, the one to fall back on first.
    """
    for wanted in _by_preference(accepted or ""):
        for language in available:
            if wanted == "*" or _primary(language) == _primary(wanted):
                return language
    return available[0]


def _by_preference(accepted: str) -> list[str]:
    weighted = [(_weight(parameters), language.strip()) for language, _, parameters in _entries(accepted)]
    return [language for weight, language in sorted(weighted, key=lambda entry: -entry[0]) if language and weight > 0]


def _entries(accepted: str) -> Iterable[tuple[str, str, str]]:
    return (entry.partition(";") for entry in accepted.split(","))


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def _primary(language: str) -> str:
    return language.split("-", maxsplit=1)[0].lower()


def language_headers(collections: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The headers of an answer whose texts depend on Accept-Language."""
    return headers_of_languages({code for collection in collections if (code := own_language(collection))})


def headers_of_languages(codes: Set[str]) -> dict[str, str]:
    """The headers of an answer in these languages, which were chosen by Accept-Language."""
    return {"Vary": "Accept-Language"} | ({"Content-Language": ", ".join(sorted(codes))} if codes else {})
