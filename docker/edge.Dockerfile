# The edge box: cameras in, numbers and events out by MQTT. Build from the root of the repository:
#   docker build -f docker/edge.Dockerfile -t hallwatch-edge .
# Only /data is written (and /tmp, a tmpfs). Settings and secrets: docker/entrypoint.sh.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements-build.lock docker/edge.lock ./
# The run-time environment has no pip of its own; the image's pip fills it from outside.
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && python -m venv --without-pip /opt/hallwatch \
 && pip --python /opt/hallwatch/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r edge.lock
COPY . .
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/hallwatch/bin/python install --no-cache-dir --no-index --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm
RUN pip uninstall --yes --quiet pip setuptools wheel \
 && useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin hallwatch \
 && install -d -o hallwatch -g hallwatch -m 0700 /data
COPY --from=build /opt/hallwatch /opt/hallwatch
COPY --chmod=0555 docker/entrypoint.sh /usr/local/bin/entrypoint
ENV PATH=/opt/hallwatch/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HALLWATCH_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
# A box that works saves its rule state every two seconds, whether the broker is there or not.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD find /data -name 'outbox.db*' -mmin -0.5 | grep -q .
ENTRYPOINT ["entrypoint"]
CMD ["edge", "/etc/hallwatch/hall.yaml"]
