"""Refusals that say why, and what to do about it, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Literal

from pydantic import BaseModel
from stac_fastapi.types.requests import get_base_url
from starlette.requests import Request

from stac_api.access.authorize import Decision, Reason
from stac_api.access.policy import LicenceRef
from stac_api.errors import HTTPProblem
from stac_api.problems import NOT_FOUND

#: Both in one header. QGIS and GDAL only support Basic, and some clients only look at the first one.
CHALLENGES = 'Basic realm="dinamis", charset="UTF-8", Bearer realm="dinamis"'

#: Personal answers must not be cached. `answer_caching` adds `Vary` to all answers.
PERSONAL = "private, no-store"
PERSONAL_HEADERS = {"Cache-Control": PERSONAL}


class Remedy(BaseModel):
    """Something to do about a refusal."""

    rel: str
    method: Literal["GET", "POST"]
    href: str
    title: str


class CredentialInvalid(HTTPProblem):
    """The credential is not valid: correct it, or send none to see what is public."""

    status = HTTPStatus.UNAUTHORIZED
    code = "InvalidCredential"

    @property
    def headers(self) -> Mapping[str, str]:
        """The ways to log in."""
        return PERSONAL_HEADERS | {"WWW-Authenticate": f'{CHALLENGES}, error="invalid_token"'}


class CredentialsDiffer(HTTPProblem):
    """The request carries two different credentials: send one of them."""

    status = HTTPStatus.BAD_REQUEST
    code = "SeveralCredentials"


class LoginNeeded(HTTPProblem):
    """This requires a login: send a bearer token or an API key."""

    status = HTTPStatus.UNAUTHORIZED
    code = "NotAuthenticated"

    def members(self, request: Request) -> Mapping[str, Any]:
        """Where to log in."""
        return {"reasons": [Reason.NOT_AUTHENTICATED], "actions": _documents(_to_log_in(_NO_DECISION, request))}

    @property
    def headers(self) -> Mapping[str, str]:
        """The ways to log in."""
        return PERSONAL_HEADERS | {"WWW-Authenticate": CHALLENGES}


class Refused(HTTPProblem):
    """By the rules in force you may not do this."""

    def __init__(self, decision: Decision) -> None:
        super().__init__("" if decision.allowed else in_words(decision.reasons))
        self.decision = decision
        self.status, self.code = _status_and_code(decision)

    def __str__(self) -> str:
        # What is hidden gets the same answer as what never existed.
        return "There is no such thing." if self.status == HTTPStatus.NOT_FOUND else super().__str__()

    def members(self, request: Request) -> Mapping[str, Any]:
        """The reasons, what can be done about them, and the set of rules."""
        if self.status == HTTPStatus.NOT_FOUND:
            return {}
        return {
            "reasons": list(self.decision.reasons),
            "actions": _documents(remedies(self.decision, request)),
            "policy_set": self.decision.policy_set,
        }

    @property
    def headers(self) -> Mapping[str, str]:
        """The ways to log in, if a login is missing."""
        challenges = {"WWW-Authenticate": CHALLENGES} if self.status == HTTPStatus.UNAUTHORIZED else {}
        return PERSONAL_HEADERS | challenges


def _status_and_code(decision: Decision) -> tuple[HTTPStatus, str]:
    if Reason.HIDDEN in decision.reasons or not decision.reasons:
        return HTTPStatus.NOT_FOUND, NOT_FOUND.code
    status = HTTPStatus.UNAUTHORIZED if Reason.NOT_AUTHENTICATED in decision.reasons else HTTPStatus.FORBIDDEN
    return status, decision.reasons[0].value.title().replace("-", "")


_WORDS: Mapping[Reason, str] = {
    Reason.HIDDEN: "",
    Reason.NOT_AUTHENTICATED: "Log in: send a bearer token or an API key.",
    Reason.CATEGORY_NOT_ELIGIBLE: "None of the categories in which you act is entitled to it.",
    Reason.LICENCE_NOT_SIGNED: "Sign the current version of its licence first.",
    Reason.DECLARATION_REQUIRED: "Answer the short questionnaire and accept the licence first.",
    Reason.SPATIALLY_EXCLUDED: "It lies in an area whose images are not given out.",
    Reason.AT_THE_ORIGIN: "It is to be had where it comes from, not here.",
    Reason.NOT_OFFERED: "It is not offered to anybody.",
    Reason.SCOPE_MISSING: "Your API key is not for this: it lacks the scope.",
    Reason.ENTITY_PENDING: "The membership of your entity is not active yet.",
    Reason.ENTITY_SUSPENDED: "The membership of your entity is suspended.",
    Reason.ENTITY_LEFT: "Your entity is no longer a member.",
    Reason.MEMBERSHIP_UNCONFIRMED: "Your place in the entity is not confirmed yet.",
    Reason.MEMBERSHIP_ENDED: "Your place in the entity has ended.",
    Reason.FRAMEWORK_ENDED: "The mission or partnership has ended.",
    Reason.ACCOUNT_SUSPENDED: "Your account is suspended.",
}


def in_words(reasons: Iterable[Reason]) -> str:
    """The reasons as sentences."""
    return " ".join(filter(None, (_WORDS[each] for each in reasons)))


def remedies(decision: Decision, request: Request) -> list[Remedy]:
    """What can be done about a refusal, in the order of its reasons."""
    return [remedy for reason in decision.reasons for remedy in _REMEDIES.get(reason, _nothing)(decision, request)]


def _documents(found: Iterable[Remedy]) -> list[dict[str, str]]:
    return [each.model_dump() for each in found]


def _nothing(_decision: Decision, _request: Request) -> list[Remedy]:
    return []


def _to_log_in(_decision: Decision, request: Request) -> list[Remedy]:
    return [
        Remedy(
            rel="authenticate",
            method="GET",
            href=f"{get_base_url(request)}me",
            title="Who you are to this server, once you send a bearer token or an API key",
        )
    ]


def to_apply(request: Request) -> list[Remedy]:
    """How to get an account, or another capacity."""
    href = f"{get_base_url(request)}accounts/applications"
    return [Remedy(rel="apply", method="POST", href=href, title="Ask for a place in an entity")]


def _to_sign(decision: Decision, request: Request) -> list[Remedy]:
    licence = _licence_href(decision, request)
    return [
        Remedy(rel="license", method="GET", href=licence, title="The licence and its digest"),
        Remedy(rel="sign-license", method="POST", href=f"{licence}/signatures", title="Sign it for your entity"),
    ]


def _to_declare(decision: Decision, request: Request) -> list[Remedy]:
    href = f"{get_base_url(request)}open-data/declarations"
    return [
        Remedy(rel="license", method="GET", href=_licence_href(decision, request), title="The licence"),
        Remedy(rel="declare", method="POST", href=href, title="Answer the questionnaire and accept the licence"),
    ]


def _licence_href(decision: Decision, request: Request) -> str:
    licence = decision.rule.licence if decision.rule else None
    return licence_href(licence, request) if licence else f"{get_base_url(request)}policies"


def licence_href(licence: LicenceRef, request: Request) -> str:
    """The address of a version of a licence."""
    return f"{get_base_url(request)}licenses/{licence.id}/{licence.version}"


def _to_have_a_key(_decision: Decision, request: Request) -> list[Remedy]:
    href = f"{get_base_url(request)}me/api-keys"
    return [Remedy(rel="api-keys", method="POST", href=href, title="Make a key that has the scope")]


_NO_DECISION = Decision(allowed=False)

_REMEDIES: Mapping[Reason, Callable[[Decision, Request], list[Remedy]]] = {
    Reason.NOT_AUTHENTICATED: _to_log_in,
    Reason.CATEGORY_NOT_ELIGIBLE: lambda _decision, request: to_apply(request),
    Reason.MEMBERSHIP_ENDED: lambda _decision, request: to_apply(request),
    Reason.LICENCE_NOT_SIGNED: _to_sign,
    Reason.DECLARATION_REQUIRED: _to_declare,
    Reason.SCOPE_MISSING: _to_have_a_key,
}
