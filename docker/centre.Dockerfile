# The centre: takes what the boxes publish, keeps it, alerts, answers the API. Build from the root of the repository:
#   docker build -f docker/centre.Dockerfile -t hallwatch-centre .
# The first start prints a one-time password for the console: docker compose logs ingest.
# Only /data is written (and /tmp, a tmpfs). Settings and secrets: docker/entrypoint.sh.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements-build.lock docker/centre.lock ./
# The run-time environment has no pip of its own; the image's pip fills it from outside.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/hallwatch \
 && pip --python /opt/hallwatch/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r centre.lock
COPY . .
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/hallwatch/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm
# What reports are drawn as PDF with, and their Chinese letters.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/*
RUN pip uninstall --yes --quiet pip setuptools wheel \
 && useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin hallwatch \
 && install -d -o hallwatch -g hallwatch -m 0700 /data
COPY --from=build /opt/hallwatch /opt/hallwatch
COPY --chmod=0555 docker/entrypoint.sh /usr/local/bin/entrypoint
ENV PATH=/opt/hallwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HALLWATCH_RECORDS=sqlite:////data/records.db HALLWATCH_LISTEN=0.0.0.0:8087 HALLWATCH_LOGIN=true
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8087
# 200 while broker and records are there.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8087/healthz', timeout=4)"]
ENTRYPOINT ["entrypoint"]
CMD ["ingest", "/etc/hallwatch/hall.yaml"]
