"""The published rules: who may do what with each collection, now and at any time, at what price, under which licence.

They are the same for all who see the collection, so that caches may keep them; the caller's own rights are below `/me`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import attr
from fastapi import APIRouter, FastAPI, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel
from stac_fastapi.types.errors import NotFoundError
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.requests import get_base_url

from database.statements import statement
from stac_api.access.explanation import Language, explanations, rule_words, somebody_of
from stac_api.access.guards import present_collection, refuse_unseen
from stac_api.access.policy import Category
from stac_api.access.restriction import present_collections, restriction_of
from stac_api.access.rules.documents import (
    Access,
    Answer,
    Eligibility,
    LicenceTold,
    Policies,
    PolicySetTold,
    Quota,
    RuleLink,
    RuleTeller,
    Validity,
)
from stac_api.access.rules.in_force import Period, policies_of, policy_timeline
from stac_api.conditional_requests import has_current
from stac_api.languages import preferred_language
from stac_api.stac_document import Document

#: Link relations from a Collection to its rules and to its prices.
ACCESS_REL, QUOTA_REL = "access", "quota"

LICENCE = statement("stac_api.access", "licence")

#: A new set of rules may come into force at any time; a licence never changes.
BRIEFLY, FOR_LONG = "public, max-age=60", "public, max-age=86400"


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


At = Annotated[
    datetime | None,
    AfterValidator(_in_utc),
    Query(description="The rules at this time (RFC 3339, or a date) instead of those that hold now."),
]
CollectionId = Annotated[str, Path(description="Collection ID")]

router = APIRouter(tags=["Rules"])


@attr.s
class PoliciesExtension(ApiExtension):
    """The routes of rules and licences."""

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        app.include_router(router, prefix=app.state.router_prefix)


@router.get("/policies", summary="The rules in force, now or at a time", response_model=Policies)
async def policies(request: Request, at: At = None) -> Response:
    """The rules of the collections that the reader sees, and the sets before and after."""
    base_url = get_base_url(request)
    teller = await teller_at(request, at)
    periods = (await policy_timeline(request)).periods
    return told(
        request,
        Policies(
            in_force=await _policy_set(request, teller) if teller else None,
            sets=[
                Validity(id=each.id, valid=(each.begins, each.ends), href=f"{base_url}policies/{each.id}")
                for each in periods
            ],
            links=[
                RuleLink(rel="self", href=str(request.url)),
                RuleLink(rel="root", href=base_url),
                RuleLink(rel="eligibility", href=f"{base_url}eligibility", title="What a category may do"),
            ],
        ),
    )


@router.get("/policies/{policy_set_id}", summary="One policy set", response_model=PolicySetTold)
async def policy_set(
    request: Request, policy_set_id: Annotated[str, Path(description="Id of a policy set, such as `2024-Q2`")]
) -> Response:
    """A past, present or future set.

    Raises:
        NotFoundError: there is none with that id.
    """
    periods = (await policy_timeline(request)).periods
    period = next((each for each in periods if each.id == policy_set_id), None)
    if period is None:
        raise NotFoundError(f"Policy set {policy_set_id} does not exist.")
    return told(request, await _policy_set(request, await _teller(request, period)))


@router.get("/collections/{collection_id}/access", summary="Who may do what with a collection", response_model=Access)
async def access(request: Request, collection_id: CollectionId, at: At = None) -> Response:
    """The rules that decide on a collection, category by category."""
    teller, present = await teller_at(request, at), await present_collection(collection_id, request)
    return told(
        request,
        Access(
            collection=collection_id,
            policy_set=teller.decided() if teller else None,
            rules=teller.access(collection_id) if teller else [],
            obeys=sorted(present.view_collections),
            links=_links(request, collection_id, teller),
        ),
    )


@router.get("/collections/{collection_id}/quota", summary="What can be ordered, at what price", response_model=Quota)
async def quota(request: Request, collection_id: CollectionId, at: At = None) -> Response:
    """What is free of charge for which category, and what is paid beyond it."""
    teller, _ = await teller_at(request, at), await present_collection(collection_id, request)
    return told(
        request,
        Quota(
            collection=collection_id,
            policy_set=teller.decided() if teller else None,
            quotas=teller.quotas(collection_id) if teller else [],
            links=_links(request, collection_id, teller),
        ),
    )


@router.get("/licenses/{licence_id}/{version}", summary="The text of a licence", response_model=LicenceTold)
async def licence(
    request: Request,
    licence_id: Annotated[str, Path(description="Id of the licence, such as `uia-pleiades`")],
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="Its version")],
) -> Response:
    """A version of a licence, with its text and the digest that signatures refer to.

    Raises:
        NotFoundError: there is none with that id and version.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        row = None if "\x00" in licence_id else await connection.fetchrow(LICENCE, licence_id, version)
    if row is None:
        raise NotFoundError(f"Licence {licence_id} version {version} does not exist.")
    href = f"{get_base_url(request)}licenses/{licence_id}"
    links = [
        RuleLink(rel="self", href=f"{href}/{version}"),
        RuleLink(rel="latest-version", href=f"{href}/{row['latest']}"),
    ]
    return told(request, LicenceTold.model_validate({**row, "links": links}), FOR_LONG)


@router.get("/eligibility", summary="What somebody of a category may do", response_model=Eligibility)
async def eligibility(
    request: Request,
    category: Annotated[Category, Query(description="The category in which somebody would act.")],
    collection: Annotated[str, Query(description="Collection ID")],
    at: At = None,
) -> Response:
    """The decision for each action and the rule behind it, in French or English.

    Raises:
        NotFoundError: the reader sees no such collection.
    """
    await refuse_unseen(collection, request)
    teller, present = await teller_at(request, at), await present_collection(collection, request)
    policies = teller.policies if teller else None
    language: Language = "en" if _language(request) == "en" else "fr"
    answers = [
        Answer(
            action=each.action,
            outcome=each.outcome,
            reasons=list(each.decision.reasons),
            text=each.text(language),
            rule=rule_words(each.decision, policies, language),
        )
        for each in explanations(somebody_of(category), present.resource, policies)
    ]
    answer = Eligibility(
        collection=collection,
        category=category,
        policy_set=policies.id if policies else None,
        language=language,
        answers=answers,
    )
    response = told(request, answer)
    response.headers["Vary"], response.headers["Content-Language"] = "Accept-Language", language
    return response


def _language(request: Request) -> str:
    return preferred_language(request.headers.get("accept-language"), ["fr", "en"])


def told(request: Request, document: BaseModel, caching: str = BRIEFLY) -> Response:
    """A public document with its ETag; 304 for clients that have it."""
    content = document.model_dump_json(by_alias=True)
    headers = {"Cache-Control": caching, "ETag": f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'}
    if has_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)


async def teller_at(request: Request, at: datetime | None = None) -> RuleTeller | None:
    """The teller of the rules at a time; None if there are none."""
    period = (await policy_timeline(request)).period(at or datetime.now(UTC))
    return await _teller(request, period) if period else None


async def _teller(request: Request, period: Period) -> RuleTeller:
    return RuleTeller(await policies_of(request, period), period, get_base_url(request))


async def _policy_set(request: Request, teller: RuleTeller) -> PolicySetTold:
    restriction = await restriction_of(request)
    seen = [each for each in await present_collections(request) if restriction.shows(each)]
    return teller.policy_set(seen, with_notes=not restriction.hides)


def _links(request: Request, collection_id: str, teller: RuleTeller | None) -> list[RuleLink]:
    base_url = get_base_url(request)
    links = [
        RuleLink(rel="self", href=str(request.url)),
        RuleLink(rel="collection", href=f"{base_url}collections/{collection_id}"),
        *map(RuleLink.model_validate, rule_links(base_url, collection_id, teller)),
    ]
    if teller:
        links.append(RuleLink(rel="policy-set", href=f"{base_url}policies/{teller.policies.id}"))
    return links


async def with_rule_links(collections: Iterable[Document], request: Request) -> list[Document]:
    """Collections with the links to their rules. Not to be called while holding a connection, as it may need one."""
    base_url, teller = get_base_url(request), await teller_at(request)
    return [{**each, "links": [*each["links"], *rule_links(base_url, each["id"], teller)]} for each in collections]


def rule_links(base_url: str, collection_id: str, teller: RuleTeller | None) -> list[dict[str, str]]:
    """Links to the rules of a collection, and to the licences that they name."""
    collection = f"{base_url}collections/{collection_id}"
    links = [
        RuleLink(rel=ACCESS_REL, href=f"{collection}/access", title="Who may do what"),
        RuleLink(rel=QUOTA_REL, href=f"{collection}/quota", title="What can be ordered, and at what price"),
        *(
            RuleLink(rel="license", href=each.href, title=f"{each.id}, version {each.version}")
            for each in (teller.licences(collection_id) if teller else ())
        ),
    ]
    return [each.model_dump(exclude_none=True) for each in links]
