"""Who may call the account routes: dependencies that let the right callers pass and tell others what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from stac_api.access.authorize import Decision, Reason
from stac_api.access.credentials.resolver import principal_of
from stac_api.access.principal import Principal, Scope
from stac_api.access.refusals import PERSONAL_HEADERS, LoginNeeded, Refused, to_apply
from stac_api.errors import HTTPProblem


class NoAccount(HTTPProblem):
    """You have logged in, but there is no account of yours here: apply for one."""

    code = "NoAccount"

    def members(self, request: Request) -> Mapping[str, Any]:
        """Where to apply."""
        return {"actions": [each.model_dump() for each in to_apply(request)]}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a personal answer."""
        return PERSONAL_HEADERS


def personal(response: Response) -> None:
    """Mark the answer as meant for this caller only."""
    response.headers.update(PERSONAL_HEADERS)


async def logged_in(request: Request) -> Principal:
    """The caller, who has logged in, with or without an account here.

    Raises:
        LoginNeeded: nobody has logged in.
    """
    principal = await principal_of(request)
    if principal.is_anonymous:
        raise LoginNeeded
    return principal


async def account_holder(request: Request) -> Principal:
    """A caller with an account here, by a credential that may read and change the caller's own data.

    Raises:
        LoginNeeded: nobody has logged in.
        NoAccount: the caller has no account here.
        Refused: the API key does not have this scope.
    """
    principal = await logged_in(request)
    if principal.person is None:
        raise NoAccount
    if Scope.ACCOUNT not in principal.scopes:
        raise Refused(Decision(allowed=False, reasons=(Reason.SCOPE_MISSING,)))
    return principal


#: For the signatures of routes.
Anybody = Annotated[Principal, Depends(principal_of)]
LoggedIn = Annotated[Principal, Depends(logged_in)]
AccountHolder = Annotated[Principal, Depends(account_holder)]
