"""A fast stand-in for the API, in a process of its own: `python -m bench.api` prints its port and serves on loopback.

It answers list, get, the newest call, patch, pause and resume from prepared bytes over kept-alive connections, so that what is
measured is the server in front of it. `POST /count` tells how many requests there were since it was asked last. `POST /shape/CAMPAIGNS/LOG_ENTRIES` sets how many campaigns the list has, and how many log
entries each campaign shows when it is read alone.
"""

import asyncio
import json
from typing import Any

from bench.campaigns import campaign, newest_call

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Campaigns:
    """What is stored: edits by id over campaigns that all begin alike."""

    def __init__(self) -> None:
        self.requests = 0
        """Requests to the API since they were counted last."""
        self.shape(14, 0)

    def shape(self, campaigns: int, log_entries: int) -> None:
        """Begin anew with so many campaigns, and so many log entries in each."""
        self._count, self._log_entries = campaigns, log_entries
        self._read: dict[int, dict[str, Any]] = {}
        self._bytes: dict[int, bytes] = {}
        self._list: bytes | None = None

    def listed(self) -> bytes:
        """The answer to a list request."""
        if self._list is None:
            shown = [self._read.get(number) or campaign(number) for number in range(self._count, 0, -1)]
            self._list = _json({"campaigns": [{**each, "logs": []} for each in shown]})
        return self._list

    def read(self, number: int) -> bytes:
        """Raises LookupError."""
        if number not in self._bytes:
            self._bytes[number] = _json(self._one(number))
        return self._bytes[number]

    def newest_call(self, number: int) -> bytes:
        """Raises LookupError."""
        self._one(number)
        return _json({"runs": [newest_call()], "total_count": 120, "page": 1, "limit": 1, "total_pages": 120})

    def edit(self, number: int, body: dict[str, Any]) -> bytes:
        """As the API does: sections are replaced whole, null is as good as absent."""
        self._one(number).update({key: value for key, value in body.items() if value is not None})
        return self._changed(number)

    def switch(self, number: int, before: str, after: str) -> bytes | None:
        """None when the campaign is in another state."""
        found = self._one(number)
        if found["state"] != before:
            return None
        found["state"] = after
        return self._changed(number)

    def _one(self, number: int) -> dict[str, Any]:
        if not 1 <= number <= max(self._count, 14):  # a list of one does not take away the campaign that is read
            raise LookupError(number)
        if number not in self._read:
            self._read[number] = campaign(number, log_entries=self._log_entries)
        return self._read[number]

    def _changed(self, number: int) -> bytes:
        self._bytes.pop(number, None)
        self._list = None
        return self.read(number)


class Conversation(asyncio.Protocol):
    """One kept-alive connection."""

    def __init__(self, campaigns: Campaigns) -> None:
        self._campaigns = campaigns
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection's transport."""
        self._out: asyncio.Transport = transport  # type: ignore[assignment]  # a server's transport can write

    def data_received(self, data: bytes) -> None:
        """Answer each whole request that has arrived."""
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._waiting[:end].split(b"\r\n")
            headers = dict(line.lower().split(b":", 1) for line in lines)
            length = int(headers.get(b"content-length", b"0"))
            if len(self._waiting) < end + 4 + length:
                return
            body = self._waiting[end + 4 : end + 4 + length]
            self._waiting = self._waiting[end + 4 + length :]
            method, target, _ = first.decode().split(" ", 2)
            authorized = b"x-api-key" in headers or target.startswith("/shape/")
            status, answer = self._answer(method, target, body) if authorized else (401, _detail("No key"))
            self._out.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                % (status, _REASONS[status].encode(), len(answer))
                + answer
            )

    def _answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        self._campaigns.requests += target.startswith("/api/")
        match method, target.partition("?")[0].strip("/").split("/"):
            case "GET", ["api", "v1", "campaign"]:
                return 200, self._campaigns.listed()
            case "GET", ["api", "v1", "campaign", number]:
                return self._found(lambda: self._campaigns.read(int(number)))
            case "GET", ["api", "v1", "campaign", number, "runs"]:
                return self._found(lambda: self._campaigns.newest_call(int(number)))
            case "PATCH", ["api", "v1", "campaign", number]:
                return self._found(lambda: self._campaigns.edit(int(number), json.loads(body)))
            case "POST", ["api", "v1", "campaign", number, ("pause" | "resume") as verb]:
                before, after = ("running", "paused") if verb == "pause" else ("paused", "running")
                return self._found(lambda: self._campaigns.switch(int(number), before, after))
            case "POST", ["count"]:
                counted, self._campaigns.requests = self._campaigns.requests, 0
                return 200, _json({"requests": counted})
            case "POST", ["shape", campaigns, log_entries]:
                self._campaigns.shape(int(campaigns), int(log_entries))
                return 200, b"{}"
        return 404, _detail("Not Found")

    def _found(self, answer: Any) -> tuple[int, bytes]:
        try:
            found = answer()
        except (LookupError, ValueError):
            return 404, _detail("Campaign not found")
        return (200, found) if found is not None else (400, _detail("Campaign is in another state"))


def _detail(words: str) -> bytes:
    return _json({"detail": words})


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


async def main() -> None:
    """Serve on a free port of loopback and print its number."""
    campaigns = Campaigns()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(campaigns), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
