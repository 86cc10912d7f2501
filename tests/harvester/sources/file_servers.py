"""Real file servers on the loopback interface, for tests of remote deliveries."""

from __future__ import annotations

import os
import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import paramiko
import paramiko.common
from moto.server import ThreadedMotoServer

with warnings.catch_warnings():
    # Python 3.11 still has the asyncore that pyftpdlib builds on, and warns of its end.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import AuthenticationFailed, DummyAuthorizer
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

USER, PASSWORD = "reader", "s3cr€t p@ss"


class _TalkativeAuthorizer(DummyAuthorizer):  # type: ignore[misc]
    """Repeats the credentials that it refuses, as careless servers do."""

    def validate_authentication(self, username: str, password: str, handler: Any) -> None:
        if (username, password) != (USER, PASSWORD):
            raise AuthenticationFailed(f"{username} may not enter with {password}")


class _TimelessFiles(AbstractedFS):  # type: ignore[misc]
    """Files of which nobody knows when they were changed."""

    def format_mlsx(self, *arguments: Any, **options: Any) -> Iterator[bytes]:
        lines = super().format_mlsx(*arguments, **options)
        return (re.sub(rb"modify=\d+", b"modify=00000000000000", line) for line in lines)


@contextmanager
def ftp_server(
    root: Path,
    closed: Path | None = None,
    commands: list[str] | None = None,
    without: Sequence[str] = (),
    *,
    knows_times: bool = True,
) -> Iterator[tuple[int, Callable[[], None]]]:
    """An FTP server over a directory: its port, and a function that breaks it off.

    Args:
        root: what the user sees.
        closed: a directory below it that the user sees but may not list.
        commands: takes up the names of the commands that come in.
        without: commands that the server does not know.
        knows_times: whether it tells when files were changed, or writes zeros.
    """
    authorizer = _TalkativeAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(root), perm="elr")
    if closed is not None:
        authorizer.override_perm(USER, str(closed), perm="", recursive=True)

    class Handler(FTPHandler):  # type: ignore[misc]
        auth_failed_timeout = 0

        def process_command(self, cmd: str, *arguments: object, **options: object) -> None:
            if commands is not None:
                commands.append(cmd)
            super().process_command(cmd, *arguments, **options)

    Handler.authorizer = authorizer
    Handler.abstracted_fs = AbstractedFS if knows_times else _TimelessFiles
    Handler.proto_cmds = {name: what for name, what in FTPHandler.proto_cmds.items() if name not in without}
    loop = IOLoop()
    server = FTPServer(("127.0.0.1", 0), Handler, ioloop=loop)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            loop.loop(timeout=0.05, blocking=False)
        server.close_all()

    thread = threading.Thread(target=serve)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join()

    try:
        yield server.socket.getsockname()[1], stop
    finally:
        stop()


class _Login(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        matches = (username, password) == (USER, PASSWORD)
        return paramiko.common.AUTH_SUCCESSFUL if matches else paramiko.common.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED


class _Files(paramiko.SFTPServerInterface):
    """Read-only SFTP over the file system of this machine, as OpenSSH serves it."""

    def list_folder(self, path: str) -> Any:
        try:
            return [self._attributes(Path(path, name).lstat(), name) for name in os.listdir(path)]  # noqa: PTH208
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> Any:
        return self._status(lambda: Path(path).stat())

    def lstat(self, path: str) -> Any:
        return self._status(lambda: Path(path).lstat())

    def canonicalize(self, path: str) -> str:
        return os.path.realpath(path)

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        try:
            file = Path(path).open("rb")  # noqa: SIM115 -- the handle closes it
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = file  # type: ignore[attr-defined]
        return handle

    def _status(self, status: Callable[[], os.stat_result]) -> Any:
        try:
            return self._attributes(status(), None)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    @staticmethod
    def _attributes(status: os.stat_result, name: str | None) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(status, name)


@contextmanager
def s3_server(bucket: str) -> Iterator[str]:
    """An object store with an empty bucket: its address. What it is asked is logged by `werkzeug`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = s3_client(f"http://{host}:{port}")
    client.create_bucket(Bucket=bucket)
    client.close()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(url: str) -> Any:
    """A client of an object store that knows its keys."""
    return boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id=USER, aws_secret_access_key=PASSWORD
    )


@contextmanager
def sftp_server() -> Iterator[tuple[int, paramiko.PKey]]:
    """An SFTP server over this machine: its port and its key."""
    key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files)
            # With an event the negotiation goes on by itself: a client that does not know our key just hangs up.
            transport.start_server(event=threading.Event(), server=_Login())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], key
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for transport in transports:
            transport.close()
            transport.join()
