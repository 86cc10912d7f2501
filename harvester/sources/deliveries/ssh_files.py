"""SFTP, only to servers listed in `known_hosts`."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

#: Servers that all users of the machine know, as OpenSSH has it: the account of a service has no file of its own.
SYSTEM_KNOWN_HOSTS = Path("/etc/ssh/ssh_known_hosts")


class KnownHostsFileSystem(SFTPFileSystem):  # type: ignore[misc]
    """Files over SFTP, only from servers whose key is in `~/.ssh/known_hosts` or `/etc/ssh/ssh_known_hosts`.

    fsspec accepts any host key, and would send the password to whoever answers.
    """

    def close(self) -> None:
        """Close the channel and the connection below it."""
        self.ftp.close()
        self.client.close()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        """The content of a file; for a whole one, all requests are sent at once."""
        if start is not None or end is not None:
            return cast("bytes", super().cat_file(path, start, end, **kwargs))
        content = BytesIO()
        self.ftp.getfo(path, content)
        return content.getvalue()

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        self.client.load_system_host_keys()
        with suppress(OSError):
            self.client.load_system_host_keys(str(SYSTEM_KNOWN_HOSTS))
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()
        except BaseException:
            self.client.close()
            raise


def real_path(files: KnownHostsFileSystem, path: str) -> str:
    """A path on the server with its symbolic links resolved.

    Raises:
        FileNotFoundError: When a link in it leads to nothing.
    """
    return files.ftp.normalize(path)
