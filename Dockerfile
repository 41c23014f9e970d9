# kling-mcp over HTTP. Listening beyond loopback needs a token (32 random characters):
#   docker build -t kling-mcp .
#   docker run -p 8000:8000 -v kling:/data -e KLING_API_KEY=... -e KLING_HTTP_TOKEN=... kling-mcp
# Clients that reach it by a name of its own need -e KLING_PUBLIC_URL=https://that.name: foreign names are refused.
FROM python:3.13-slim AS build
RUN python -m venv /app
COPY requirements.lock /src/
RUN /app/bin/pip install --no-cache-dir --require-hashes --no-deps -r /src/requirements.lock
COPY pyproject.toml README.md LICENSE /src/
COPY src /src/src
RUN /app/bin/pip install --no-cache-dir --no-deps /src \
 && /app/bin/python -m compileall -q -j 0 /app/lib \
 && /app/bin/kling-mcp --version

FROM python:3.13-slim
LABEL org.opencontainers.image.title="kling-mcp" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --create-home --uid 10001 kling \
 && install -d -o kling -g kling /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    KLING_OUTPUT_DIR=/data/media \
    KLING_DATABASE_URL=sqlite:////data/ledger.db
USER kling
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["kling-mcp", "http", "--host", "0.0.0.0", "--port", "8000"]
