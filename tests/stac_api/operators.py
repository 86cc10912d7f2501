"""Somebody with the command line of a catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cli import main
from database import Database


@dataclass(frozen=True)
class Operator:
    """An operator, who may do everything."""

    database: Database
    variables: Mapping[str, str] = field(default_factory=dict)  #: of the environment, besides the address

    def tries(self, *words: str | Path) -> Result:
        """The outcome of a command."""
        environment = {"DINAMIS_DATABASE_URL": self.database.conninfo("owner"), **self.variables}
        return CliRunner().invoke(main, [str(word) for word in words], env=environment, prog_name="dinamis")

    def types(self, *words: str | Path) -> str:
        """What a command prints that succeeds."""
        result = self.tries(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def reads(self, *words: str | Path) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.types(*words, "--json"))

    def is_refused(self, *words: str | Path) -> str:
        """The message of a command that fails: exit code 2, one line of explanation and no traceback."""
        result = self.tries(*words)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        return " ".join(result.stderr.split())
