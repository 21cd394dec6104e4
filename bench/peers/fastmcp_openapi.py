"""FastMCP over the API's own OpenAPI description, cut down to five operations, with nothing written by hand."""

import json
import os
import sys
from pathlib import Path

from campaign_api import client
from fastmcp import FastMCP

http = client()
http.base_url = os.environ["ASISSO_BASE_URL"]  # the description's paths are whole
description = json.loads(Path(os.environ["BENCH_OPENAPI"]).read_text())
mcp = FastMCP.from_openapi(description, client=http, name="campaigns")

if __name__ == "__main__":
    if sys.argv[1:2] == ["--http"]:
        mcp.run("http", host="127.0.0.1", port=int(sys.argv[2]), log_level="WARNING", show_banner=False)
    else:
        mcp.run(show_banner=False)
