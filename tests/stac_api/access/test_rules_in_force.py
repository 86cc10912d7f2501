"""Which set decides a request."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from itertools import pairwise

from fastapi import FastAPI, Request

from stac_api.access.policy import PolicySet
from stac_api.access.rules.in_force import Period, PolicyTimeline, policies_in_force


def remembered(*sets: str) -> PolicyTimeline:
    """What a process knows of sets that begin with the years of their names, the last one until further notice."""
    begun = {id_: datetime(int(id_), 1, 1, tzinfo=UTC) for id_ in sets}
    rule = {"collections": ("*",), "categories": ("PUBLIC",), "visibility": "full", "source": "a guide"}
    return PolicyTimeline(
        periods=tuple(
            Period(id=id_, digest=id_, begins=begun[id_], ends=begun.get(following))
            for id_, following in pairwise((*sets, "further notice"))
        ),
        read_at=time.monotonic(),
        sets={
            (id_, id_): PolicySet.model_validate(
                {
                    "id": id_,
                    "valid_from": begins,
                    "source_document": "a guide",
                    "approved_by": "a committee",
                    "rules": (rule,),
                }
            )
            for id_, begins in begun.items()
        },
    )


def decisive(request: Request, at: datetime | None = None) -> str | None:
    """The id of the set that decides."""
    policies = asyncio.run(policies_in_force(request, at))
    return policies.id if policies else None


def test_set_that_is_activated_during_a_request_decides_the_next_one() -> None:
    """A request is not begun by one set and ended by another; who asks for a time gets the set of that time."""
    app = FastAPI()
    app.state.policy_timeline = remembered("2020")
    request = Request({"type": "http", "app": app})
    assert decisive(request) == "2020"
    app.state.policy_timeline = remembered("2020", "2024")
    assert decisive(request) == "2020"
    assert decisive(request, datetime(2025, 1, 1, tzinfo=UTC)) == "2024"
    assert decisive(Request({"type": "http", "app": app})) == "2024"


def test_request_before_any_rules_stays_undecided() -> None:
    """Also that there are no rules, which hides everything, holds for the whole request."""
    app = FastAPI()
    app.state.policy_timeline = remembered()
    request = Request({"type": "http", "app": app})
    assert decisive(request) is None
    app.state.policy_timeline = remembered("2020")
    assert decisive(request) is None
