"""Why a file, or a signature for it, is refused, apart from the access rules."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import Request

from stac_api.errors import HTTPProblem
from stac_api.problems import INVALID, UNAVAILABLE


class SignatureInvalid(HTTPProblem):
    """The signature is not for this file, or is no longer valid: request a new one at /sign."""

    code = "SignatureInvalid"


class SignatureExpired(HTTPProblem):
    """This signature has expired: request a new one at /sign."""

    code = "SignatureExpired"


class NotOurAddress(HTTPProblem):
    """This is not the address of an asset of this server: give the href from the Item."""

    status = HTTPStatus.BAD_REQUEST
    code = INVALID.code


class NoSigningKey(HTTPProblem):
    """This server has no key to sign with: its operator must run `dinamis signing-key rotate`."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = UNAVAILABLE.code


class NotSigned(HTTPProblem):
    """None of these addresses was signed; `errors` says what is wrong with which."""

    code = "NotSigned"

    def __init__(self, refusals: Mapping[str, HTTPProblem]) -> None:
        super().__init__()
        self.refusals = refusals
        self._first = min(refusals.values(), key=lambda each: each.status)
        self.status = self._first.status

    def members(self, request: Request) -> Mapping[str, Any]:
        """What is wrong with which address."""
        return {"errors": [_described(href, each, request) for href, each in self.refusals.items()]}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the refusal to be remedied first."""
        return self._first.headers


def _described(href: str, refusal: HTTPProblem, request: Request) -> dict[str, Any]:
    usual = {"href": href, "status": int(refusal.status), "code": refusal.code, "detail": str(refusal)}
    # The `teledetection` client reads refusals as Python, which has no null.
    return usual | {name: value for name, value in refusal.members(request).items() if value is not None}
