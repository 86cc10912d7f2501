"""The base URL of every link: what the operator configured, whatever host a request came in by."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class PublicUrl:
    """Makes each request look as if it had come in by the public URL, so that every link it produces is under it.

    The proxy in front may strip the URL's path or keep it: both reach the same route.
    """

    def __init__(self, app: ASGIApp, url: str) -> None:
        self.app = app
        parts = urlsplit(url)
        self.scheme, self.host, self.prefix = parts.scheme, parts.netloc.encode(), parts.path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite scheme, host and root of the request."""
        await self.app(self._moved(scope) if scope["type"] == "http" else scope, receive, send)

    def _moved(self, scope: Scope) -> Scope:
        path = scope["path"]
        if path != self.prefix and not path.startswith(f"{self.prefix}/"):
            path = self.prefix + path
        elif not self.prefix:
            path = scope["path"]
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {
            **scope,
            "scheme": self.scheme,
            "headers": [(b"host", self.host), *headers],
            "root_path": self.prefix,
            "path": path,
        }
