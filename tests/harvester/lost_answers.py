"""Commits of which nobody hears: the network is cut between them and the answer of the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from harvester import catalogue


def lose_answer(monkeypatch: pytest.MonkeyPatch, number: int, *, is_committed: bool = True) -> None:
    """Let the connection of the pages be lost when the server has committed so many of them, before it says so.

    Args:
        monkeypatch: of the test, or of a part of it.
        number: of the page, from 1.
        is_committed: False where the connection is lost just before the server could commit.
    """
    committed = count(1)

    class Unheard(psycopg.Connection[Any]):
        @contextmanager
        def transaction(self, *args: Any, **options: Any) -> Iterator[psycopg.Transaction]:
            is_page = self.info.transaction_status == TransactionStatus.IDLE and not self.autocommit
            with super().transaction(*args, **options) as transaction:
                yield transaction
                is_lost = is_page and next(committed) == number
                if is_lost and not is_committed:
                    self.close()
            if is_lost:
                self.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")

    def connect(conninfo: str, *, autocommit: bool = False) -> psycopg.Connection[Any]:
        return Unheard.connect(conninfo, autocommit=autocommit)

    monkeypatch.setattr(catalogue, "connect", connect)
