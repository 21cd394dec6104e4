"""What the sandbox on a socket has besides the API: a page at `/`, the API's description at `/docs`, and a line for each request."""

import json
import time
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any

from asisso_mcp.sandbox.fault_responses import App, Message, Receive, Send
from asisso_mcp.sandbox.sandbox import Sandbox
from asisso_mcp.sandbox.seed import KEY

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Asisso sandbox</title>
<style>body {{ font: 16px/1.5 system-ui; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }} td {{ padding-right: 2rem }}</style>
<h1>Asisso sandbox</h1>
{body}
</html>
"""
_WELCOME = f"""<p>A stand-in for the Asisso API with example campaigns: no account, no phone rings.
<p>Requests go to <code>/api/v1</code> with the header <code>X-API-Key: {KEY}</code>.
<p><a href="/docs">/docs</a> lists them; <a href="/openapi.json">/openapi.json</a> is for programs."""


def with_pages(sandbox: Sandbox) -> App:
    """The sandbox's application with `/`, `/docs` and `/openapi.json` before it; they are no requests of the API."""
    pages: dict[str, Callable[[], tuple[str, str]]] = {
        "/": lambda: ("text/html", _PAGE.format(body=_WELCOME)),
        "/docs": lambda: ("text/html", _PAGE.format(body=_describe(sandbox.openapi()))),
        "/openapi.json": lambda: ("application/json", json.dumps(sandbox.openapi())),
    }

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        page = pages.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if page is None:
            await sandbox.app(scope, receive, send)
            return
        kind, text = page()
        content = text.encode()
        headers = [
            (b"content-type", f"{kind}; charset=utf-8".encode()),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def with_log(app: App, log: Callable[[str], None]) -> App:
    """The application, with a line for each request: when, what, its status and how long it took; never a header."""

    async def logged(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start, status = time.monotonic(), "no answer"

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            took = (time.monotonic() - start) * 1000
            # As it came, still percent-encoded: nothing in it can move the cursor.
            path = scope["raw_path"].decode("ascii", "replace")
            log(f"{datetime.now():%H:%M:%S}  {scope['method']} {path}  {status}  {took:.0f} ms")

    return logged


def _describe(openapi: dict[str, Any]) -> str:
    """The routes as a table."""
    rows = [
        f"<tr><td>{method.upper()}<td><code>{escape(path)}</code><td>{escape(operation.get('summary', ''))}"
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]
    return "<table>\n" + "\n".join(rows) + "\n</table>\n" + _WELCOME
