"""The commands on signing keys, as an operator types them."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from cli import main
from database import Database


def _types(database: Database, *words: str) -> Result:
    environment = {"DINAMIS_DATABASE_URL": database.conninfo("owner")}
    result = CliRunner().invoke(main, ["signing-key", *words], env=environment, prog_name="dinamis")
    assert result.exit_code == 0, result.output
    return result


def test_keys_are_rotated_and_listed(database: Database) -> None:
    """A new key signs, the one of the start is honoured for a week more, and secrets are not shown."""
    assert [each["kid"] for each in json.loads(_types(database, "list", "--json").stdout)] == ["first"]
    kid = _types(database, "rotate").stdout.strip()
    listed = json.loads(_types(database, "list", "--json").stdout)
    assert [(each["kid"], each["honoured_until"] is None) for each in listed] == [(kid, True), ("first", False)]
    assert listed[0].keys() == {"kid", "created_at", "retired_at", "honoured_until"}
    assert _types(database, "list").stdout.splitlines()[0].endswith("signs")


def test_leaked_keys_are_revoked(database: Database) -> None:
    """A rotation that revokes leaves the new key alone."""
    _types(database, "rotate")
    kid = _types(database, "rotate", "--revoke").stdout.strip()
    assert [each["kid"] for each in json.loads(_types(database, "list", "--json").stdout)] == [kid]
