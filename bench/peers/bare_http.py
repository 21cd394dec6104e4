"""Bare calls to the API with httpx2, without MCP: the least that every Python server here pays.

A line `METHOD PATH BODY TIMES` in, a line of JSON out: the seconds of each call, its JSON read.
"""

import asyncio
import json
import sys
import time

from campaign_api import client


async def main() -> None:
    """Answer the lines on stdin until it ends."""
    async with client() as http:
        while line := await asyncio.to_thread(sys.stdin.readline):
            method, path, body, times = line.split()
            sent = None if body == "-" else json.loads(body)
            seconds = []
            for _ in range(int(times)):
                began = time.perf_counter()
                response = await http.request(method, path, json=sent)
                response.json()
                seconds.append(time.perf_counter() - began)
                response.raise_for_status()
            print(json.dumps(seconds), flush=True)


asyncio.run(main())
