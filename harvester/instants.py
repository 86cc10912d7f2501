"""Instants as they are written: by RFC 3339, and for people."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(instant: datetime) -> str:
    """An instant in UTC, to the millisecond: `2026-01-31T12:00:00.000Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken(instant: datetime) -> str:
    """An instant in UTC, to the minute, for people: `2026-01-31 12:00 UTC`."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
