"""A page is as many statements however many records it has, whatever becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from harvester.record import Withdrawal
from tests.harvester.invented_source import Content, Stock, image, stock
from tests.harvests import counts

__all__ = ["stock"]

FEW, MANY = 4, 16
#: That the statements around a page may need more or less, as the catalogue fills.
SOME = 6


@contextmanager
def statements_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the methods by which statements were sent meanwhile."""
    sent: list[str] = []

    def noting(method: str) -> Any:
        real = getattr(psycopg.Cursor, method)

        def noted(cursor: Any, *given: Any, **named: Any) -> Any:
            sent.append(method)
            return real(cursor, *given, **named)

        return noted

    with monkeypatch.context() as patched:
        for method in ("execute", "executemany", "copy"):
            patched.setattr(psycopg.Cursor, method, noting(method))
        yield sent


def lived_through(stock: Stock, monkeypatch: pytest.MonkeyPatch, first: int, number: int) -> dict[str, int]:
    """How many statements it takes to take in pairs of images, change, join, part and withdraw them, on a page each."""
    ones, others, thirds = (range(first + start, first + 3 * number, 3) for start in range(3))
    joining = [f"{each:05d}-both" for each in ones]
    images: dict[str, Content] = {f"{each:05d}": image(each) for each in (*ones, *others)}
    joined = {
        name: image(third, keys=(image(one)["image"], image(other)["image"]))
        for name, one, other, third in zip(joining, ones, others, thirds, strict=True)
    }
    alone = {name: image(third) for name, third in zip(joining, thirds, strict=True)}
    steps: dict[str, tuple[dict[str, Content], list[str]]] = {
        "new": (images, []),
        "unchanged": ({}, []),
        "changed": ({name: {**said, "cloud": 3} for name, said in images.items()}, []),
        "joined": (joined, []),
        "parted": (alone, []),
        "joined again": (joined, []),
        "withdrawn": ({}, joining),
    }
    taken = {}
    for step, (said, gone) in steps.items():
        stock.held.records = {name: each for name, each in (stock.held.records | said).items() if name not in gone}
        stock.held.withdrawals = [Withdrawal(id=name, reason="sold") for name in gone]
        with statements_counted(monkeypatch) as sent:
            report = stock.harvest()
        assert counts(report).get("quarantined", 0) == 0, step
        taken[step] = len(sent)
    return taken


def test_number_of_statements_does_not_grow_with_the_records(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times as many acquisitions that come, change, join, part and go on one page are as many statements."""
    lived_through(stock, monkeypatch, 0, FEW)
    few = lived_through(stock, monkeypatch, 100, FEW)
    many = lived_through(stock, monkeypatch, 200, MANY)
    assert {step: few[step] for step in few if many[step] > few[step] + SOME} == {}
