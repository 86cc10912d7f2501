"""The accounts of runs as one page of HTML, to read, print or send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from harvester.runs.report import HarvestReport, counts


def report_page(reports: Sequence[HarvestReport]) -> str:
    """One page with the accounts of these runs: it needs no other file, no script and no network."""
    # The text of records is untrusted: everything is escaped.
    environment = Environment(
        loader=PackageLoader("harvester"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"moment": _moment, "duration": _duration}
    sections = [_section(report) for report in reports]
    return environment.get_template("report.html.j2").render(sections=sections) + "\n"


def _section(report: HarvestReport) -> dict[str, Any]:
    seconds = (report.finished_at - report.started_at).total_seconds() if report.finished_at else None
    return {
        "report": report,
        "counts": counts(report),
        "duration": seconds,
        "rate": report.read / seconds if seconds else None,
        "refusals": [(each.record, each.reason) for each in report.refusals],
        "warnings": [(text, times, record) for text, (times, record) in report.warnings.items()],
        "changes": list(_changes(report)),
        "passed_over": list(report.passed_over.items()),
    }


def _changes(report: HarvestReport) -> Iterator[tuple[str, ...]]:
    """A row for each field of each Item that a dry run would change."""
    for change in report.changes:
        item = f"{change.collection}/{change.item}"
        if change.kind in ("new", "withdrawn"):
            yield item, change.kind, "", "", ""
        for name, values in change.fields.items():
            yield item, change.kind, name, *(json.dumps(value, ensure_ascii=False) for value in values)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
