"""Runs that are killed while they publish: whoever comes next makes up for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from database import Database
from harvester import catalogue
from harvester.catalogue import publish as publishing
from tests.harvests import FIRST_VIEW, counts, delivery, rows, run


class Killed(BaseException):
    """The process ends here: nothing catches it."""


def killed(*_: Any, **__: Any) -> NoReturn:
    """End as a process that is killed does, as far as the database can tell."""
    raise Killed


def last_moment(database: Database) -> str:
    """The end of the interval of the Collection, as it is published."""
    ((moment,),) = rows(
        database,
        "SELECT content->'extent'->'temporal'->'interval'->0->>1 FROM pgstac.collections WHERE id = 'pleiades'",
    )
    return str(moment)


@pytest.mark.parametrize("place", [(publishing, "publish"), (catalogue, "finish_writing")])
def test_next_run_publishes_for_one_that_was_killed(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]
) -> None:
    """Though nothing changed since, it sees which Collections the other one had written and did not publish."""
    delivery(tmp_path)
    run(database, tmp_path)
    delivery(tmp_path, seconds=3600, job="6000000201")
    with monkeypatch.context() as patch:
        patch.setattr(*place, killed)
        with pytest.raises(Killed):
            run(database, tmp_path)

    report = run(database, tmp_path)

    assert counts(report) == {"unchanged": 2}
    assert last_moment(database).startswith(f"{FIRST_VIEW + timedelta(hours=1):%Y-%m-%dT%H}")
    assert rows(database, "SELECT count(*) FROM pgstac.query_queue") == [(0,)]


def test_deferred_work_names_its_collections(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those that were written count, and none when it is done."""
    delivery(tmp_path)
    finish: Callable[..., bool] = catalogue.finish_writing
    with monkeypatch.context() as patch:
        patch.setattr(catalogue, "finish_writing", killed)
        with pytest.raises(Killed):
            run(database, tmp_path)
    with database.connect("harvest") as side:
        side.autocommit = True
        assert catalogue.collections_with_deferred_work(side) == {"pleiades"}
        assert finish(side)
        assert catalogue.collections_with_deferred_work(side) == set()


def test_publication_that_is_killed_is_begun_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Collection is there without its queryables, by which a run tells that it has to publish them."""
    delivery(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "load_queryables", killed)
        with pytest.raises(Killed):
            run(database, tmp_path)
    assert rows(database, "SELECT count(*) FROM pgstac.collections") == [(0,)]

    run(database, tmp_path)

    ((number,),) = rows(database, "SELECT count(*) FROM pgstac.queryables WHERE name = 'eo:cloud_cover'")
    assert number == 1
