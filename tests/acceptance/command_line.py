"""The installed command `dinamis` as a subprocess, in a home of its own and cut off from the network."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.serving import free_port
from tests.postgres import short_directory, skip_without_postgresql

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).with_name("dinamis")
_CLOSED_PORT = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Dinamis:
    """The command line with one DINAMIS_HOME."""

    home: Path

    def run(
        self, *arguments: str | Path, cwd: Path = PROJECT, typed: str = "", environment: Mapping[str, str] | None = None
    ) -> Finished:
        """Run a command to its end.

        Args:
            arguments: What stands after `dinamis`.
            cwd: The directory to run in.
            typed: What the user types.
            environment: Variables beside DINAMIS_HOME.
        """
        done = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            cwd=cwd,
            env=self.environment() | dict(environment or {}),
            input=typed,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def serving(self, *arguments: str | Path) -> Iterator[Server]:
        """Run a command that serves, from the moment it answers; at the end it is asked to stop."""
        port = free_port()
        log = self.home / f"server-{port}.log"
        with (
            log.open("w", encoding="utf-8") as written,
            subprocess.Popen(
                [PROGRAM, *map(str, arguments), "--port", str(port)],
                cwd=PROJECT,
                env=self.environment(),
                stdout=written,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            server = Server(f"http://127.0.0.1:{port}", process, log)
            try:
                server.wait_until_it_answers()
                yield server
            finally:
                server.stop()

    def environment(self) -> dict[str, str]:
        """Our own environment without what configures the program; a request that leaves the machine fails."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DINAMIS_", "PG"))}
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _CLOSED_PORT)
        return kept | proxies | {"no_proxy": "127.0.0.1", "DINAMIS_HOME": str(self.home)}


@dataclass(frozen=True)
class Server:
    """A server that `dinamis` runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait_until_it_answers(self, timeout_s: float = 60) -> None:
        """Wait for the first healthy answer.

        Raises:
            AssertionError: The command ended, or did not answer in time.
        """
        end = time.monotonic() + timeout_s
        while not self._is_healthy():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"the server does not answer:\n{self.log.read_text(encoding='utf-8')}")
            time.sleep(0.2)

    def stop(self, timeout_s: float = 15) -> int:
        """Ask it to stop, as a service manager does, and give its exit code; killed if it does not obey in time."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@contextmanager
def fresh_machine() -> Iterator[Dinamis]:
    """The command line on a machine where nobody has used it yet; its database is destroyed at the end."""
    skip_without_postgresql()
    with short_directory() as home:
        command_line = Dinamis(home)
        try:
            yield command_line
        finally:
            command_line.run("db", "destroy", "--yes")
