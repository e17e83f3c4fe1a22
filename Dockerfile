# The image of a worker. It holds what the worker needs and no more: neither the embedded services nor test tools.
# No Docker engine runs where this was written, so it has not been built there; its lock and its paths are tested.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock ./
# The lock names hatchling too, which builds the package: nothing is installed without a hash.
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY keys keys
COPY store store
COPY policies policies
COPY consumers consumers
COPY streams streams
COPY ops ops
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/dangan --shell /usr/sbin/nologin dangan
WORKDIR /var/lib/dangan
COPY requirements-worker.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-worker.lock && rm /tmp/requirements-worker.lock
COPY --from=build /wheel /wheel
RUN pip install --no-cache-dir --no-deps /wheel/*.whl && rm -r /wheel
USER dangan
ENV DANGAN_HOME=/var/lib/dangan PYTHONUNBUFFERED=1
# SIGTERM ends a worker in good order: what it has begun is finished, and its partitions go to others at once.
STOPSIGNAL SIGTERM
ENTRYPOINT ["dangan"]
CMD ["worker"]
