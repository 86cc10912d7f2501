"""Accounts of pages and runs: they add up, name what must be named, and can be stored anywhere."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest

from harvester.commands.run_accounts import print_account
from harvester.runs.history import report_of
from harvester.runs.report import NAMED_RECORDS, HarvestReport, ItemChange, Outcome, PageReport, counts, printable
from tests.harvester.invented_source import Stock, stock

__all__ = ["stock"]


def report() -> HarvestReport:
    """The account of a run that has not begun."""
    return HarvestReport("pleiades/deliveries", "file:///archive", datetime(2026, 1, 1, tzinfo=UTC))


def test_pages_add_up() -> None:
    """Numbers, refusals, warnings and conflicts of all pages are in the account of the run."""
    whole = report()
    for record in ("a", "b"):
        page = PageReport(Counter({Outcome.NEW: 2}), items_written=1, items_removed=2, unknown_withdrawals=3)
        page.refuse(record, "broken")
        page.warn(record, ["no angle", "\udce9"])
        page.warn("z", ["no angle"])
        page.conflicts.append((record, "they differ"))
        whole.add(page)
    assert (whole.read, whole.items_written, whole.items_removed, whole.unknown_withdrawals) == (6, 2, 4, 6)
    assert whole.exit_code == 1
    assert [each.record for each in whole.refusals] == ["a", "b"]
    assert whole.warnings == {"no angle": (4, "a"), "\\udce9": (2, "a")}
    assert whole.conflicts == [("a", "they differ"), ("b", "they differ")]


def test_counts_of_earlier_processes_are_added() -> None:
    """What `counts` gives of a run that was killed is the beginning of its account when it goes on."""
    before = report()
    done = Counter({Outcome.NEW: 2, Outcome.WITHDRAWN: 1})
    before.add(PageReport(done, items_written=3, items_removed=1, unknown_withdrawals=4))
    resumed = report()
    resumed.add_counts(counts(before))
    assert counts(resumed) == counts(before)
    resumed.restart_counts(counts(before))
    assert counts(resumed) == counts(before)


@pytest.mark.parametrize("read", [0, 2])
def test_page_that_does_not_account_for_each_record_is_a_fault(read: int) -> None:
    """One record too many or too few stops the page."""
    page = PageReport(Counter({Outcome.NEW: 1}))
    page.require_complete(1)
    with pytest.raises(AssertionError, match=f"{read} records were read"):
        page.require_complete(read)


def test_refusal_without_its_reason_is_a_fault() -> None:
    """A record that is counted as refused and not named stops the page."""
    with pytest.raises(AssertionError):
        PageReport(Counter({Outcome.QUARANTINED: 1})).require_complete(1)


def test_account_names_a_thousand_records_and_counts_all() -> None:
    """The account of a run of any size stays small."""
    whole = report()
    for _ in range(3):
        page = PageReport()
        for number in range(NAMED_RECORDS // 2):
            page.refuse(str(number), "broken")
        whole.add(page)
    assert whole.outcomes[Outcome.QUARANTINED] == 3 * NAMED_RECORDS // 2
    assert len(whole.refusals) == NAMED_RECORDS


@pytest.mark.parametrize(
    ("refused", "run", "rest"),
    [
        (100, 7, []),
        (999, 7, ["… and 899 more lines like these: --report FILE has them."]),
        (
            1500,
            7,
            ["… and more like these: --report FILE has the first 1000, `dinamis harvest show 7 --records` all."],
        ),
        (1500, None, ["… and more like these: --report FILE has the first 1000."]),
    ],
)
def test_what_is_not_printed_is_where_it_is_said_to_be(
    refused: int, run: int | None, rest: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A hundred records are printed; beyond a thousand an account does not have them all, nor does its file."""
    whole, page = report(), PageReport()
    whole.run = run
    for number in range(refused):
        page.refuse(str(number), f"broken {number}")
    whole.add(page)
    print_account(whole)
    lines = capsys.readouterr().out.splitlines()
    after = lines[lines.index("refused broken 99") + 1 :]
    assert [line for line in after if line.startswith(("refused", "…"))] == rest


def test_breach_fails_the_command() -> None:
    """A run that leaves its collection not as expected does not end well."""
    whole = report()
    assert whole.exit_code == 0
    whole.breaches.append("too few")
    assert whole.exit_code == 1


def test_change_names_the_fields_that_differ() -> None:
    """Nested values are named by their place, with what they were and are, also those that come or go."""
    before = {"properties": {"gsd": 0.5, "a": 1, "c": {}}, "links": [{"rel": "via", "href": "x"}], "bbox": [1, 2]}
    after = {
        "properties": {"gsd": 0.7, "a": 1, "b": None, "d": 4},
        "links": [{"rel": "via", "href": "y"}],
        "bbox": [1, 2],
    }
    change = ItemChange.between("IMAGE", "pleiades", before, after)
    assert change.kind == "changed"
    assert change.fields == {
        "links[0].href": ("x", "y"),
        "properties.c": ({}, None),
        "properties.d": (None, 4),
        "properties.gsd": (0.5, 0.7),
    }


def test_kind_of_change_is_that_of_the_item() -> None:
    """An Item that comes is new, one that goes withdrawn, one that says the same unchanged."""
    item = {"properties": {"gsd": 0.5}}
    pairs = [(None, item), (item, None), (item, {"properties": {"gsd": 0.5}})]
    kinds = [ItemChange.between("IMAGE", "pleiades", before, after).kind for before, after in pairs]
    assert kinds == ["new", "withdrawn", "unchanged"]


def test_reason_that_quotes_a_broken_name_can_be_stored() -> None:
    """NUL and bytes that are not UTF-8 are made visible, in the account as in the database."""
    assert PageReport().refuse("a", "no \0").reason == "no \\0"
    refusal = PageReport().refuse("a", "caf\udce9/\x00.XML: é is not readable")
    assert refusal.reason == printable(refusal.reason) == "caf\\udce9/\\0.XML: é is not readable"


def test_report_is_json() -> None:
    """All that a report has can be written to a file and read back."""
    whole = report()
    assert whole.as_json()["finished_at"] is None
    page = PageReport(conflicts=[("IMAGE", "they differ")], withdrawn=[("a", "sold")], passed_over=Counter(links=2))
    page.refuse("b", "broken")
    for record in "cd":
        page.warn(record, ["no angle"])
    whole.add(page)
    whole.changes.append(ItemChange.between("IMAGE", "pleiades", {"a": 1}, {"a": 2}))
    whole.run, whole.kind, whole.dry_run, whole.is_resumed, whole.error = 7, "undo", True, True, "too few; gone"
    whole.absent, whole.breaches, whole.drift = 3, ["too few"], ["gone"]
    said = json.loads(json.dumps(whole.ended("failed").as_json()))
    assert said.pop("finished_at") >= said["started_at"]
    assert said == {
        "run": 7,
        "kind": "undo",
        "state": "failed",
        "feed": "pleiades/deliveries",
        "location": "file:///archive",
        "dry_run": True,
        "is_resumed": True,
        "started_at": "2026-01-01T00:00:00+00:00",
        "error": "too few; gone",
        **counts(whole),
        "absent": 3,
        "passed_over": {"links": 2},
        "refusals": [{"record": "b", "reason": "broken"}],
        "withdrawals": [{"record": "a", "reason": "sold"}],
        "warnings": [{"warning": "no angle", "times": 2, "record": "c"}],
        "conflicts": [{"item": "IMAGE", "conflict": "they differ"}],
        "breaches": ["too few"],
        "drift": ["gone"],
        "changes": [
            {
                "item": "IMAGE",
                "collection": "pleiades",
                "kind": "changed",
                "fields": {"a": {"before": 1, "after": 2}},
            }
        ],
    }


def test_undo_that_had_nothing_to_put_back_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Of an undo without records it is not told that nothing was found at a place."""
    print_account(HarvestReport("pleiades/made", "https://made.example.org/", datetime.now(UTC), kind="undo"))
    assert capsys.readouterr().out.strip() == "pleiades/made: this undo had nothing to do."


def test_undo_that_only_moves_items_tells_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    """Items that go back to where they stood are written, though no record of them changes."""
    whole = HarvestReport("pleiades/made", "https://made.example.org/", datetime.now(UTC), kind="undo")
    whole.add(PageReport(items_written=3, items_removed=1))
    print_account(whole)
    told = capsys.readouterr().out
    assert "Items written: 3, Items removed: 1." in told
    assert "nothing" not in told


def test_account_without_records_tells_what_else_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A run that found nothing new may have failed all the same, and an undo may have left records as they are."""
    whole = report()
    whole.breaches.append("too few Items")
    whole.warnings["a is left as it is: run 3 changed it since"] = (1, "a")
    print_account(whole)
    told = capsys.readouterr().out
    assert "not as expected: too few Items" in told
    assert "run 3 changed it since" in told


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_run_without_news_does_not_call_its_source_empty(
    stock: Stock, capsys: pytest.CaptureFixture[str], dry_run: bool
) -> None:
    """Only a run that asked for everything can tell that there is nothing; the other tells how to ask for it."""
    stock.held.is_selectable = True
    begun = stock.harvest(dry_run=dry_run)
    again = stock.harvest(dry_run=dry_run, since=datetime(2026, 1, 1, tzinfo=UTC))
    with stock.database.connect("harvest") as connection:
        told = [again if dry_run else report_of(connection, again.run or 0)]
    for each in (begun, again, *told):
        print_account(each)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "pleiades/held: nothing was found there."
    assert set(lines[1:]) == {"pleiades/held: nothing new was found there. Not all was asked for; --full does."}
