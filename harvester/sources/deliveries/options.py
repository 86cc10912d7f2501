"""Where deliveries are, and how they are read."""

from __future__ import annotations

from pydantic import Field

from harvester.sources.deliveries.addresses import shown_location
from harvester.sources.deliveries.file_tree import Limits
from harvester.sources.source import SourceOptions


class Options(SourceOptions):
    """Where the deliveries are and how they are read; `rate` and `allowed_hosts` are not used.

    The `url` is a path, or a URL of file, ftp, sftp or s3. The user and password of the credentials are those of an FTP
    or SFTP server, or the two keys of an object store, where the URL has none.
    """

    page_size: int = Field(default=200, ge=1, le=1000)  #: records
    limits: Limits = Limits()

    @property
    def shown_location(self) -> str:
        """The location without credentials."""
        return shown_location(self.url)
