"""What the server knows of the caller, and what the caller may do: `/me` and below."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from database.statements import statements
from stac_api.access.accounts.callers import AccountHolder, Anybody, LoggedIn, personal
from stac_api.access.accounts.visible_resources import visible_resource
from stac_api.access.authorize import Action, Decision, Reason, authorize
from stac_api.access.policy import Category, LicenceRef, PolicySet, QuotaRule, Visibility
from stac_api.access.principal import Capacity, Scope, Standing
from stac_api.access.refusals import Remedy, in_words, licence_href, remedies, to_apply
from stac_api.access.register.categories import EntityState, Role
from stac_api.access.rules.in_force import policies_in_force

_ACCOUNT, _EXPORT = statements("stac_api.access", "account", "export_of_person")


class Place(BaseModel):
    """A place in an entity."""

    entity: UUID
    entity_name: str
    entity_state: EntityState
    role: Role
    is_confirmed: bool = Field(description="Whether the place was validated by the entity and confirmed.")


class HeldCapacity(BaseModel):
    """A capacity in which the caller acts."""

    category: Category
    entity: UUID
    entity_name: str
    framework: UUID | None = None
    framework_title: str | None = None
    framework_ends: datetime | None = None
    standing: Standing = Field(description="`good`, or why it does not count now.")


class SignedLicence(BaseModel):
    """A licence that the caller signed."""

    licence: str
    version: int
    entity: UUID | None


class Account(BaseModel):
    """The caller, as the server knows them."""

    credential: Literal["bearer", "key"]
    key: str | None = Field(None, description="The id of the API key that was sent.")
    scopes: list[Scope]
    issuer: str | None = Field(None, description="The provider of the login that was sent.")
    subject: str | None = None
    id: UUID | None = Field(None, description="The account; null when there is none yet: apply for one.")
    name: str | None = Field(None, description="Told to credentials with the scope `account` alone, as `email`.")
    email: str | None = None
    state: Literal["applied", "active", "suspended"] | None = None
    is_operator: bool = False
    categories: list[Category] = Field(description="In what quality the caller acts now.")
    memberships: list[Place] = []
    capacities: list[HeldCapacity] = []
    signatures: list[SignedLicence] = []
    actions: list[Remedy] = []


class Permission(BaseModel):
    """Whether the caller may do one thing."""

    allowed: bool
    reasons: list[Reason] = Field(description="Why not.")
    detail: str | None = Field(None, description="The reasons in words.")
    actions: list[Remedy] = Field(description="What to do about it.")
    category: Category | None = Field(None, description="The quality that decides.")
    entity: UUID | None = None
    framework: UUID | None = None
    source: str | None = Field(None, description="The document behind the rule that decides.")


class Permissions(BaseModel):
    """What the caller may do with a collection or one of its Items, by the rules in force."""

    collection: str
    item: str | None
    policy_set: str | None
    authenticated: bool
    categories: list[Category]
    permissions: dict[Action, Permission]
    licence: LicenceRef | None = Field(None, description="Of the images, for the caller.")
    licence_href: str | None = None


class Allowance(BaseModel):
    """What is free of charge for the caller in one capacity, by one rule."""

    collections: list[str] = Field(description="The ids or patterns that the rule is for.")
    category: Category
    entity: UUID | None
    framework: UUID | None
    quota: QuotaRule


class Quotas(BaseModel):
    """What is free of charge for the caller by the rules in force; usage is not counted yet."""

    policy_set: str | None
    allowances: list[Allowance]
    used: Decimal | None = Field(None, description="Null: this server keeps no account of use yet.")


router = APIRouter(prefix="/me", tags=["Account"], dependencies=[Depends(personal)])


@router.get("", summary="Who the caller is to this server")
async def me(request: Request, caller: LoggedIn) -> Account:
    """The account behind the credential; for a login without an account, how to get one."""
    told = Account(
        credential="key" if caller.key else "bearer",
        key=caller.key,
        scopes=sorted(caller.scopes),
        issuer=caller.login.issuer if caller.login else None,
        subject=caller.login.subject if caller.login else None,
        is_operator=caller.is_operator,
        categories=sorted(caller.categories),
        signatures=[
            SignedLicence(licence=each.licence, version=each.version, entity=each.entity) for each in caller.signatures
        ],
    )
    if caller.person is None:
        return told.model_copy(update={"actions": to_apply(request)})
    async with request.app.state.get_connection(request, "r") as connection:
        row = dict(await connection.fetchrow(_ACCOUNT, caller.person))
    if Scope.ACCOUNT not in caller.scopes:
        del row["name"], row["email"]
    return Account.model_validate({**told.model_dump(), **row})


@router.get("/permissions", summary="What the caller may do, why not, and what to do about it")
async def permissions(
    request: Request,
    caller: Anybody,
    collection: Annotated[str, Query(description="Collection ID")],
    item: Annotated[str | None, Query(description="Item ID")] = None,
) -> Permissions:
    """What the caller may do with a collection or one of its Items, by the rules in force.

    Raises:
        NotFoundError: there is no such collection or Item for the caller.
    """
    policies = await policies_in_force(request)
    resource = await visible_resource(request, collection, item)
    decisions = {action: authorize(caller, action, resource, policies) for action in Action}
    rule = decisions[Action.DOWNLOAD].rule
    licence = rule.licence if rule else None
    return Permissions(
        collection=collection,
        item=item,
        policy_set=policies.id if policies else None,
        authenticated=not caller.is_anonymous,
        categories=sorted(caller.categories),
        permissions={action: _permission(decision, request) for action, decision in decisions.items()},
        licence=licence,
        licence_href=licence_href(licence, request) if licence else None,
    )


def _permission(decision: Decision, request: Request) -> Permission:
    # That a stereo set is refused because of a hidden view is not disclosed.
    reasons = [each for each in decision.reasons if each is not Reason.HIDDEN]
    capacity = decision.capacity
    return Permission(
        allowed=decision.allowed,
        reasons=reasons,
        detail=in_words(reasons) or None,
        actions=remedies(decision, request),
        category=capacity.category if capacity else None,
        entity=capacity.entity if capacity else None,
        framework=capacity.framework if capacity else None,
        source=decision.rule.source if decision.rule else None,
    )


@router.get("/quotas", summary="What is free of charge for the caller")
async def quotas(request: Request, caller: LoggedIn) -> Quotas:
    """The quotas of the rules in force that apply to the caller; usage is not counted yet."""
    policies = await policies_in_force(request)
    if policies is None:
        return Quotas(policy_set=None, allowances=[])
    allowances = [each for capacity in caller.counting for each in _allowances(capacity, policies)]
    return Quotas(policy_set=policies.id, allowances=allowances)


def _allowances(capacity: Capacity, policies: PolicySet) -> Iterator[Allowance]:
    for rule in policies.rules:
        if rule.quota is not None and rule.seen is not Visibility.HIDDEN and capacity.category in rule.categories:
            yield Allowance(
                collections=list(rule.collections),
                category=capacity.category,
                entity=capacity.entity,
                framework=capacity.framework,
                quota=policies.quotas[rule.quota],
            )


@router.get("/export", summary="Everything that is kept of the caller")
async def export(request: Request, caller: AccountHolder, response: Response) -> dict[str, Any]:
    """Account, memberships, keys without secrets, signatures, transfers, downloads, and the audit trail of these."""
    response.headers["Content-Disposition"] = 'attachment; filename="dinamis-account.json"'
    async with request.app.state.get_connection(request, "r") as connection:
        kept: dict[str, Any] = await connection.fetchval(_EXPORT, caller.person)
    return kept


@router.delete("", status_code=204, summary="Erase the caller's account")
async def erase(request: Request, caller: AccountHolder) -> None:
    """Erase name, address and login, and end keys and memberships; signatures and downloads stay, anonymised."""
    async with request.app.state.get_connection(request, "r") as connection:
        await connection.execute("SELECT dinamis.erase_person($1, $1, '{}')", caller.person)
