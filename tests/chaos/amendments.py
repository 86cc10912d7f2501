"""Amendments as people make them, one after the other: by commands, resumed by those that the status names."""

from __future__ import annotations

import json
import shlex
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import copytree

import yaml
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cli import main
from database import Database
from database.commands.terminal import FAILED
from harvester import feeds
from harvester.amendments import quarantine, renaming, retirement, stereo_rebuild, undo
from harvester.collection_documents import default_collections_directory
from harvester.runs import RunBusy
from harvester.sample_archive.passes import views_of_pass
from tests.chaos.life import Begin, Life
from tests.chaos.processes import Outcome, Worker
from tests.harvests import FIRST_VIEW, delivery, rows
from tests.postgres import short_directory

KIND = "amendments"

_PASSES, _VIEWS = 4, 3
#: Records of a page, so that each amendment has many of them.
_PAGE_SIZE = 3
#: After so many the status takes what nobody is at for interrupted, a harvest too.
_MINUTES = 20


@contextmanager
def folder() -> Iterator[Path]:
    """Deliveries of some passes that make stereo sets, and of another satellite; and room for documents."""
    with short_directory() as place:
        for number in range(_PASSES):
            middle = FIRST_VIEW + timedelta(days=4 * number)
            views = views_of_pass(middle, 48.85, 694.0, base_to_height=0.3, count=_VIEWS, across_km=20)
            for each, view in enumerate(views):
                delivery(place / "deliveries", views=(view,), job=f"6{number}{each}{0:07}")
            delivery(place / "deliveries", mission="SPOT6", views=views[:1], pixel_m=60.0, job=f"7{number}{0:08}")
        copytree(default_collections_directory() / "sensors", place / "documents" / "sensors")
        yield place


def go_through(life: Life) -> None:
    """Harvest in peace, then amend what was harvested in every way; at last publish in peace."""
    place = Path(life.address)
    _write_documents(place, _IMAGES)
    for database in (life.peaceful, life.disturbed):
        life.in_peace(database, partial(_command, database, place, _harvest(place)))
    for amendment in _amendments(place):
        _write_documents(place, amendment.documents, is_named=amendment.is_named)
        life.do_both(amendment.name, partial(_begun, place, amendment))
        left = _left(life.disturbed, place)
        assert left is None, f"after {amendment.name} there is still to be done: {left}"
    ours, theirs = (sorted(rows(database, _TOLD)) for database in (life.peaceful, life.disturbed))
    assert ours == theirs, f"the accounts tell in peace {ours}, else {theirs}"
    life.require_likeness()


# What is done

_IMAGES = ("pleiades", "pleiades-littoral")
_SETS = (*_IMAGES, "pleiades-stereo", "pleiades-tristereo")
_ALL = (*_SETS, "spot-6-7")
_ITEM = "PHR1A_202108151041301"

#: What runs told of records, apart from when and in how many runs.
_TOLD = (
    "SELECT DISTINCT run.kind, note.kind, subject, regexp_replace(detail, 'run [0-9]+', 'run'),"
    " (SELECT sum((counts->>'withdrawn')::bigint) FROM dinamis.run AS same JOIN dinamis.run_part ON run = same.id"
    " WHERE same.kind = run.kind) FROM dinamis.run JOIN dinamis.run_note AS note ON note.run = run.id"
)


@dataclass(frozen=True)
class _Amendment:
    """What is asked for while the documents say this."""

    name: str
    todo: Callable[[Database], Sequence[str]]  #: what is left to do, as arguments of the command; none once it is done
    documents: Sequence[str] = _SETS
    is_named: bool = False  #: whether they name the source


def _amendments(place: Path) -> Iterator[_Amendment]:
    old, new = f"deliveries {place / 'deliveries'}", "pleiades/stock"
    correct = ("harvest", "correct", _ITEM)
    moved = (*_harvest(place), "--collection", "pleiades-littoral", "--move")
    corrected = (*correct, "eo:cloud_cover", "7", "--reason", "haze", "--author", "me")
    yield _Amendment("load", lambda _: ("collections", "load"))
    yield _Amendment("rebuild", lambda _: ("stereo", "rebuild"))
    yield _Amendment("move", partial(_unless, "SELECT FROM dinamis.run WHERE request @> '{\"move\": true}'", moved))
    for _ in range(2):  # it takes two runs when the database fails on the way
        yield _Amendment("undo of the move", partial(_undo, "harvest"))
    yield _Amendment("rename", partial(_unless, _run("rename"), ("harvest", "rename", old, new)), is_named=True)
    yield _Amendment("retire", partial(_unless, _run("retire"), ("harvest", "retire", new, "--yes")))
    yield _Amendment("undo of the retirement", partial(_undo, "retire"))
    yield _Amendment("correct", lambda _: corrected, is_named=True)
    ours = "SELECT WHERE NOT EXISTS (SELECT FROM dinamis.correction)"
    yield _Amendment("remove", partial(_unless, ours, (*correct, "--remove", "eo:cloud_cover")), is_named=True)
    read = "SELECT WHERE NOT EXISTS (SELECT FROM dinamis.source_record WHERE state = 'quarantined')"
    yield _Amendment("replay", partial(_unless, read, ("harvest", "quarantine", "replay")), _ALL, is_named=True)


def _harvest(place: Path) -> Sequence[str]:
    return ("harvest", "deliveries", str(place / "deliveries"))


def _run(kind: str) -> str:
    return f"SELECT FROM dinamis.run WHERE kind = '{kind}'"


def _unless(is_done: str, arguments: Sequence[str], database: Database) -> Sequence[str]:
    """The arguments, unless a query gives rows; of runs only those that succeeded count."""
    succeeded = " AND state = 'succeeded'" if "dinamis.run" in is_done else ""
    return () if rows(database, is_done + succeeded) else arguments


def _undo(kind: str, database: Database) -> Sequence[str]:
    """The undoing of the last run of a kind, but never of the first harvest."""
    ((run,),) = rows(
        database,
        "SELECT max(id) FROM dinamis.run WHERE kind = %s AND id > 1"
        " AND NOT EXISTS (SELECT FROM dinamis.undone WHERE undone.run = run.id)",
        kind,
    )
    return ("harvest", "undo", str(run)) if run else ()


def _write_documents(place: Path, names: Sequence[str], *, is_named: bool = False) -> None:
    """Let there be documents of these collections; perhaps that of the images names the source."""
    written = place / "documents"
    for each in written.glob("*.yaml"):
        each.unlink()
    for name in names:
        document = yaml.safe_load((default_collections_directory() / f"{name}.yaml").read_text("utf-8"))
        if "harvest" in document:
            document["harvest"]["sources"] = []
        if is_named and name == "pleiades":
            document["harvest"]["sources"] = [{"source": "deliveries", "name": "stock"}]
        (written / f"{name}.yaml").write_text(json.dumps(document), "utf-8")


# How it is resumed


def _begun(place: Path, amendment: _Amendment, database: Database) -> Begin:
    """Give the command, and from then on what the status says, else the command again until it is done."""
    given: list[Sequence[str]] = []

    def give(conninfo: str) -> Worker | None:
        arguments = (_left(database, place) if given else None) or amendment.todo(database)
        given.append(arguments)
        return _command(database, place, arguments, conninfo) if arguments else None

    return give


def _left(database: Database, place: Path) -> Sequence[str] | None:
    """The arguments of the command that resumes what nobody is at, as the status has them."""
    for table, moment in (("run", "started_at"), ("run_part", "heartbeat_at")):
        rows(
            database, f"UPDATE dinamis.{table} SET {moment} = {moment} - make_interval(mins => {_MINUTES}) RETURNING 1"
        )
    told = _given(("harvest", "status", "--json"), _environment(database, place, database.conninfo("harvest")))
    assert told.exit_code < FAILED, told.output
    for each in json.loads(told.stdout):
        for left in each.get("left_amendments", ()):
            command: list[str] = shlex.split(left["command"])[1:]
            return (*command, "--yes") if "retire" in command else command
        if each["command"]:
            return shlex.split(each["command"])[1:]
    return None


# Commands


@dataclass(frozen=True)
class _Command:
    """A command, as a process is told of it."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)  #: it holds passwords


def _command(database: Database, place: Path, arguments: Sequence[str], conninfo: str) -> Worker:
    return Worker(_done, _Command(arguments, _environment(database, place, conninfo)))


def _environment(database: Database, place: Path, conninfo: str) -> Mapping[str, str]:
    owner = make_conninfo(database.conninfo("owner"), port=conninfo_to_dict(conninfo)["port"])
    return {
        "DINAMIS_DATABASE_URL": owner,
        "DINAMIS_HARVEST_DATABASE_URL": conninfo,
        "DINAMIS_COLLECTIONS": str(place / "documents"),
    }


def _given(arguments: Sequence[str], environment: Mapping[str, str]) -> Result:
    return CliRunner(env=environment).invoke(main, arguments)


def _done(command: _Command) -> Outcome:
    """Give a command, with pages so small that each amendment has many."""
    for module in (quarantine, renaming, retirement, stereo_rebuild, undo):
        module.PAGE_SIZE = _PAGE_SIZE  # type: ignore[attr-defined]
    feeds.deliveries_at = partial(feeds.deliveries_at, page_size=_PAGE_SIZE)
    result = _given(command.arguments, command.environment)
    if result.exception and not isinstance(result.exception, SystemExit):
        return Outcome("crashed", "".join(traceback.format_exception(result.exception)))
    if result.exit_code < FAILED:  # one says that some records are in quarantine, or that something is amiss
        return Outcome("succeeded", result.stdout)
    return Outcome("busy" if str(RunBusy.__doc__) in result.output else "failed", result.output)
