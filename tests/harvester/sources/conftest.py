"""What the tests of several sources need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest


@pytest.fixture
def known_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, paramiko.PKey], None]:
    """Makes a server's key known to the user who runs the test."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".ssh").mkdir(parents=True)

    def remember(port: int, key: paramiko.PKey) -> None:
        line = f"[127.0.0.1]:{port} {key.get_name()} {key.get_base64()}\n"
        (tmp_path / "home" / ".ssh" / "known_hosts").write_text(line)

    return remember
