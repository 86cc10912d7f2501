"""The public documents about rules: what holds for each collection and when, and nothing of what is hidden."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from jsonschema import Draft202012Validator
from pydantic.json_schema import models_json_schema

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.policy import PolicySet
from stac_api.access.rules.documents import Access, Eligibility, LicenceTold, Policies, PolicySetTold, Quota
from stac_api.access.rules.in_force import OLDEST_TIMELINE_S
from stac_api.access.rules.licences import Licence
from stac_api.access.rules.store import activate, activate_now, load_draft, rollback
from tests.conftest import PROJECT
from tests.postgres import forget_rules
from tests.stac_api.access.invented_people import People
from tests.stac_api.invented_catalogue import Site, a_collection, declare_queryables, load, problem_of, serving

SCHEMA = PROJECT / "stac_api" / "schemas" / "access-v1.0.0.json"

KOUROU = {"title": "Kourou", "polygon": [[-53, 5], [-52, 5], [-52, 6], [-53, 6], [-53, 5]], "source": "a guide"}
QUOTA = {
    "unit": "km2",
    "amount": 2500,
    "scope": "user_demand",
    "period": "none",
    "debit_event": "delivery",
    "discretionary": True,
    "source": "a presentation",
}
TARIFF = {"archive_eur_per_km2": 1.4, "minimum_km2": 100, "source": "a guide"}
SIGNED = {"id": "invented", "version": 2}


def a_rule(*collections: str, categories: tuple[str, ...] = ("PUBLIC",), **fields: object) -> dict[str, object]:
    """A rule that shows its collections."""
    document = {"collections": collections, "categories": categories, "visibility": "full", "source": "a presentation"}
    return document | fields


def a_set(identifier: str, begins: str, *rules: dict[str, object]) -> PolicySet:
    """A set that begins at midnight, UTC."""
    document = {
        "id": identifier,
        "valid_from": f"{begins}T00:00:00Z",
        "source_document": "a presentation",
        "approved_by": "a committee",
        "notes": ["The secret collection is a secret."],
        "exclusions": {"kourou": KOUROU},
        "quotas": {"science": QUOTA},
        "tariffs": {"science": TARIFF},
        "rules": rules,
    }
    return PolicySet.model_validate(document)


MEMBERS = a_rule(
    "pleiades",
    categories=("SCI_FR", "PUB_FR"),
    download="member_signed",
    order="tasking",
    licence=SIGNED,
    exclusion="kourou",
    quota="science",
    tariff="science",
)
SETS = [
    a_set("2020", "2020-01-01", a_rule("*", categories=("SCI_FR",)), a_rule("pleiades-stereo")),
    a_set(
        "2024",
        "2024-01-01",
        a_rule("pleiades*"),
        MEMBERS,
        a_rule("open", download="external"),
        a_rule("secret*", visibility="hidden"),
        a_rule("secret*", categories=("SCI_FR",)),
    ),
]
LICENCES = [
    Licence(id="invented", version=number, kind="signed", title="Invented", href="https://example.org", text=text)
    for number, text in enumerate(("Be good.", "Be better."), 1)
]


@pytest.fixture(scope="module")
def ruled(module_database: Database) -> Iterator[Site]:
    """The server over a catalogue with a hidden collection, and rules of two times."""
    pair = {"stereo:mode": ["stereo"], "dinamis:view_collections": ["pleiades"]}
    collections = [
        a_collection("pleiades", "Images", "Images."),
        a_collection("pleiades-stereo", "Pairs", "Pairs.", summaries=pair),
        a_collection("open", "Open", "Open."),
        a_collection("secret-one", "Secret", "Secret."),
    ]
    load(module_database, collections, [])
    forget_rules(module_database)
    with module_database.connect("owner") as connection:
        declare_queryables(connection)
        activate(connection, SETS, LICENCES, by="a test")
        connection.execute(
            "INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason) "
            "VALUES ('pleiades-stereo', 'PAIR', '2022-01-01Z', 'A view of it is lost.')"
        )
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running


def test_rules_in_force_are_public(ruled: Site) -> None:
    """Whoever asks learns which set holds, by which document, and which sets there were."""
    answer = ruled.get("/policies")
    document = answer.json()
    assert document["in_force"]["id"] == "2024"
    assert document["in_force"]["valid"] == ["2024-01-01T00:00:00Z", None]
    assert [each["id"] for each in document["sets"]] == ["2020", "2024"]
    assert document["sets"][0]["valid"] == ["2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"]
    assert "public" in answer.headers["cache-control"]


def test_past_rules_are_told_by_date(ruled: Site) -> None:
    """A date finds the set that held then; before the first there was none."""
    for at, expected in (("2022-10-01", "2020"), ("2023-12-31T23:59:59Z", "2020"), ("2024-01-01T00:00:00Z", "2024")):
        assert ruled.get("/policies", params={"at": at}).json()["in_force"]["id"] == expected
    assert ruled.get("/policies", params={"at": "2019-12-31"}).json()["in_force"] is None


def test_a_zone_counts(ruled: Site) -> None:
    """New year comes an hour earlier in Paris than in UTC."""
    assert ruled.get("/policies", params={"at": "2024-01-01T00:30:00+01:00"}).json()["in_force"]["id"] == "2020"


@pytest.mark.parametrize("path", ["/policies", "/collections/open/access", "/collections/open/quota"])
def test_what_is_no_time_is_refused(ruled: Site, path: str) -> None:
    """A date that cannot be is a mistake of the reader, told as such."""
    assert problem_of(ruled.get(path, params={"at": "yesterday"}))["status"] == 400


def test_hidden_collections_are_not_in_the_rules(ruled: Site) -> None:
    """Not by id, not by the pattern that hides them, not in the notes; and what is hidden now is so for the past."""
    for path in ("/policies", "/policies/2024", "/policies/2020", "/policies?at=2022-01-01"):
        text = ruled.get(path).text
        assert "secret" not in text
        assert "pleiades" in text
    assert ruled.get("/policies/2024").json()["notes"] is None


def test_pair_that_went_while_its_images_were_hidden_is_as_absent(ruled: Site) -> None:
    """Who sees the images of pairs today is not told of a pair that went when they did not."""
    assert ruled.get("/collections/pleiades-stereo/items/PAIR").status_code == 404
    assert ruled.get("/collections/pleiades-stereo/changes").json()["changes"] == []


@pytest.mark.parametrize("path", ["access", "quota", "access?at=2022-01-01"])
def test_hidden_is_answered_as_absent(ruled: Site, path: str) -> None:
    """The rules of a hidden collection are where those of an absent one are."""
    hidden, absent = ruled.get(f"/collections/secret-one/{path}"), ruled.get(f"/collections/absent-one/{path}")
    assert hidden.status_code == absent.status_code == 404
    told = [problem_of(each) | {"request_id": ""} for each in (hidden, absent)]
    assert told[0] == {
        **told[1],
        **{name: told[1][name].replace("absent", "secret") for name in ("detail", "description")},
    }
    assert hidden.headers["cache-control"] == absent.headers["cache-control"]


def test_access_tells_each_category(ruled: Site) -> None:
    """Who may do what with a collection, with licence, excluded area, price and source."""
    document = ruled.get("/collections/pleiades/access").json()
    assert document["policy_set"]["id"] == "2024"
    everybody, members = document["rules"]
    assert (everybody["categories"], everybody["visibility"], everybody["download"]) == (["PUBLIC"], "full", "none")
    assert members["categories"] == ["SCI_FR", "PUB_FR"]
    assert (members["download"], members["order"]) == ("member_signed", "tasking")
    assert members["licence"] == {"id": "invented", "version": 2, "href": f"{ruled.url}/licenses/invented/2"}
    assert members["exclusion"]["title"] == "Kourou"
    assert members["source"] == "a presentation"
    then = ruled.get("/collections/pleiades/access", params={"at": "2022-01-01"}).json()
    assert [each["categories"] for each in then["rules"]] == [["SCI_FR"]]


def test_a_rule_is_told_for_the_categories_that_it_decides(ruled: Site) -> None:
    """A pattern does not decide where a rule of the collection's own does."""
    told = ruled.get("/collections/pleiades-stereo/access").json()
    assert [each["categories"] for each in told["rules"]] == [["PUBLIC"]]
    assert told["obeys"] == ["pleiades"]


def test_quota_tells_amounts_and_prices(ruled: Site) -> None:
    """What is free for whom, and what is paid beyond it, as decimal numbers that nobody rounds."""
    document = ruled.get("/collections/pleiades/quota").json()
    (members,) = document["quotas"]
    assert members["categories"] == ["SCI_FR", "PUB_FR"]
    assert (members["quota"]["amount"], members["quota"]["unit"]) == ("2500", "km2")
    assert members["tariff"]["archive_eur_per_km2"] == "1.4"
    assert ruled.get("/collections/open/quota").json()["quotas"] == []


def test_collections_lead_to_their_rules(ruled: Site) -> None:
    """Each Collection links to its rules, its prices and the licences of its images, wherever it is told."""
    alone = ruled.get("/collections/pleiades").json()
    listed = next(each for each in ruled.get("/collections").json()["collections"] if each["id"] == "pleiades")
    for collection in (alone, listed):
        links = {(each["rel"], each["href"]) for each in collection["links"]}
        assert ("access", f"{ruled.url}/collections/pleiades/access") in links
        assert ("quota", f"{ruled.url}/collections/pleiades/quota") in links
        assert ("license", f"{ruled.url}/licenses/invented/2") in links
    for rel in ("access", "quota", "license"):
        hrefs = [each["href"] for each in alone["links"] if each["rel"] == rel and each["href"].startswith(ruled.url)]
        assert [ruled.get(href).status_code for href in hrefs] == [200]


def test_every_link_of_the_rules_leads_somewhere(ruled: Site) -> None:
    """No document about rules names an address that is not there."""
    for path in ("/policies", "/collections/pleiades/access", "/collections/pleiades/quota", "/licenses/invented/1"):
        for link in ruled.get(path).json()["links"]:
            if link["rel"] != "eligibility":
                assert ruled.get(link["href"]).status_code == 200, link


def test_licences_have_a_text_and_its_digest(ruled: Site) -> None:
    """Whoever signs names the digest of what he read; a superseded version says which is the latest."""
    document = ruled.get("/licenses/invented/1").json()
    assert document["text"] == "Be good."
    assert document["digest"] == hashlib.sha256(b"Be good.").hexdigest()
    (latest,) = [each["href"] for each in document["links"] if each["rel"] == "latest-version"]
    assert ruled.get(latest).json()["text"] == "Be better."


@pytest.mark.parametrize("path", ["/licenses/invented/3", "/licenses/other/1", "/licenses/%00/1", "/policies/2030"])
def test_what_is_not_there_is_404(ruled: Site, path: str) -> None:
    """No such licence, no such set."""
    assert problem_of(ruled.get(path))["status"] == 404


def test_drafts_are_not_public(ruled: Site, module_database: Database) -> None:
    """What is only considered is told to nobody."""
    with module_database.connect("owner") as connection:
        load_draft(connection, a_set("draft", "2030-01-01", a_rule("*")))
    assert problem_of(ruled.get("/policies/draft"))["status"] == 404
    assert "draft" not in ruled.get("/policies").text


@pytest.mark.parametrize(
    "path", ["/policies", "/policies/2024", "/collections/pleiades/access", "/collections/pleiades/quota"]
)
def test_known_rules_are_not_sent_again(ruled: Site, path: str) -> None:
    """Caches may keep the rules, and ask whether they are still the same."""
    first = ruled.get(path)
    assert first.headers["cache-control"] == "public, max-age=60"
    again = ruled.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert ruled.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_eligibility_is_told_in_french_and_english(ruled: Site) -> None:
    """The simulator answers for anybody of a category, with the rule behind each answer, in the reader's language."""
    parameters = {"category": "SCI_FR", "collection": "pleiades"}
    french = ruled.get("/eligibility", params=parameters, headers={"Accept-Language": "fr-FR"})
    english = ruled.get("/eligibility", params=parameters, headers={"Accept-Language": "en"})
    told = {each["action"]: each for each in french.json()["answers"]}
    assert {action: each["outcome"] for action, each in told.items()} == {
        "view": "allowed",
        "preview": "allowed",
        "download": "on-condition",
        "order-archive": "refused",
        "order-tasking": "allowed",
    }
    assert told["download"]["text"].startswith("Téléchargement : oui, sous condition.")
    assert "en vigueur depuis le 01/01/2024" in told["download"]["rule"]
    assert "Downloading: yes, on a condition." in [each["text"][:33] for each in english.json()["answers"]]
    assert (french.headers["content-language"], english.headers["content-language"]) == ("fr", "en")
    assert "accept-language" in french.headers["vary"].lower()


def test_eligibility_follows_the_date(ruled: Site) -> None:
    """What nobody but scientists could see in 2022 is told so."""
    parameters = {"category": "PUB_FR", "collection": "pleiades", "at": "2022-01-01"}
    answers = ruled.get("/eligibility", params=parameters).json()["answers"]
    assert {each["outcome"] for each in answers} == {"refused"}


def test_eligibility_tells_nothing_of_what_is_hidden(ruled: Site) -> None:
    """A hidden collection is absent for whoever may ask about a category that sees it."""
    told = [
        ruled.get("/eligibility", params={"category": "SCI_FR", "collection": each})
        for each in ("secret-one", "absent-one")
    ]
    assert [each.status_code for each in told] == [404, 404]
    assert problem_of(told[0])["detail"] == problem_of(told[1])["detail"].replace("absent", "secret")


def test_members_see_the_rules_of_what_is_hidden_from_others(ruled: Site, module_database: Database) -> None:
    """Who sees the collection sees its rules, and no cache may keep them for others."""
    with module_database.connect("owner") as connection:
        people = People(connection)
        person = people.person("curie")
        people.join(person, people.entity("Institut du radium"), "SCI_FR")
        headers = {"X-API-Key": str(people.key(person))}
    own = ruled.get("/policies/2024", headers=headers)
    assert ["secret-one"] in [each["collections"] for each in own.json()["rules"]]
    assert own.headers["cache-control"] == "private, no-store"
    access = ruled.get("/collections/secret-one/access", headers=headers).json()
    assert [each["categories"] for each in access["rules"]] == [["PUBLIC"], ["SCI_FR"]]


def test_answers_are_what_the_schema_says(ruled: Site) -> None:
    """The schema that the server itself serves describes each of these documents."""
    schema = ruled.get("/extensions/access/v1.0.0/schema.json").json()
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for path in (
        "/policies",
        "/policies/2024",
        "/policies?at=2019-01-01",
        "/collections/pleiades/access",
        "/collections/pleiades-stereo/access?at=2019-01-01",
        "/collections/pleiades/quota",
        "/licenses/invented/2",
        "/eligibility?category=PUBLIC&collection=open",
    ):
        document = ruled.get(path).json()
        validator.validate(document)
        for name in document:
            assert not validator.is_valid({key: value for key, value in document.items() if key != name}), (path, name)


def test_the_schema_is_that_of_the_answers(request: pytest.FixtureRequest) -> None:
    """The schema in the repository is derived from the models of the answers."""
    written = SCHEMA.read_text(encoding="utf-8") if SCHEMA.exists() else ""
    documents = (Policies, PolicySetTold, Access, Quota, LicenceTold, Eligibility)
    references, definitions = models_json_schema([(each, "serialization") for each in documents])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://w3id.org/stac-access/v1.0.0/schema.json",
        "title": "Access Extension",
        "description": "STAC API Access Extension: who may do what with each collection, as dated rules.",
        "anyOf": list(references.values()),
        **definitions,
    }
    derived = json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
    if request.config.getoption("--update-expectations"):
        SCHEMA.write_text(derived, encoding="utf-8")
    assert written == derived, "run this test with --update-expectations, and read the difference"


def test_the_conformance_class_is_declared(ruled: Site) -> None:
    """A client can tell that there are rules before it asks for them."""
    assert "https://w3id.org/stac-access/v1.0.0/rules" in ruled.get("/conformance").json()["conformsTo"]


def test_one_connection_is_enough(ruled: Site, module_database: Database) -> None:
    """No request waits for a second connection while it holds one, however many come at once."""
    app = create_app(ApiSettings(pool_size=1), module_database.conninfo("api"))
    paths = ("/policies", "/collections", "/collections/pleiades", "/collections/pleiades/access", "/search", "/")
    with serving(app) as narrow, ThreadPoolExecutor(8) as clients:
        answers = [each.status_code for each in clients.map(narrow.get, paths * 10)]
    assert answers == [200] * 60


def test_a_set_that_is_activated_holds_within_a_second(ruled: Site, module_database: Database) -> None:
    """The server need not be told of new rules, nor started again."""
    assert ruled.get("/collections/secret-one/access").status_code == 404
    with module_database.connect("owner") as connection:
        begun = activate_now(connection, a_set("opened", "2030-01-01", a_rule("*")), by="a test")
    time.sleep(OLDEST_TIMELINE_S)
    assert ruled.get("/policies").json()["in_force"]["id"] == begun.id
    assert ruled.get("/collections/secret-one/access").status_code == 200
    with module_database.connect("owner") as connection:
        rollback(connection, by="a test")
    time.sleep(OLDEST_TIMELINE_S)
    assert ruled.get("/collections/secret-one/access").status_code == 404
