# Two stages: the first installs exactly what the hash lock names, the second carries no pip cache and no root.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.lock ./
RUN python -m venv .venv \
 && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
 && .venv/bin/python -c "import sysconfig; open(sysconfig.get_path('purelib') + '/lead_events.pth', 'w').write('/app/src')"

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --create-home --home-dir /data lead-events
COPY --from=build /app/.venv /app/.venv
COPY lead-events /app/lead-events
COPY migrations /app/migrations
COPY src /app/src
RUN ["/app/.venv/bin/python", "-m", "compileall", "-q", "/app/src"]
USER 10001
# The embedded SQLite file and the master key are made here unless the settings name other places.
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["/app/.venv/bin/python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["/app/lead-events"]
CMD ["serve", "--upgrade", "--host", "0.0.0.0", "--port", "8000"]
