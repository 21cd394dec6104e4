# The server over HTTP. Build: docker build -t asisso-mcp .   Run: see docs/deploy.md
FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/asisso-mcp && \
    /opt/asisso-mcp/bin/python -m pip install --no-cache-dir --disable-pip-version-check ".[telemetry]" && \
    /opt/asisso-mcp/bin/python -m compileall -q /opt/asisso-mcp/lib

FROM python:3.13-slim
LABEL org.opencontainers.image.title="asisso-mcp" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/asisso-mcp /opt/asisso-mcp
# Nothing is written: the file system can be read-only.
ENV PATH="/opt/asisso-mcp/bin:$PATH" PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=4s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["asisso-mcp", "serve", "--transport", "http", "--host", "0.0.0.0", "--port", "8000"]
# Each caller brings an Asisso key. Add the name by which clients reach it: --allow-host mcp.example.com
CMD ["--auth", "passthrough"]
