# The servers come from compose.yaml; this image holds only SmartStore itself.
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home smartstore \
    && install -d -o smartstore -g smartstore /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY pyproject.toml LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY streams streams
COPY api api
COPY runtime runtime
COPY sandbox sandbox
RUN /opt/venv/bin/python -m compileall -q schemas connectors streams api runtime sandbox
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 SMARTSTORE_HOME=/data HOST=0.0.0.0
USER smartstore
VOLUME /data
EXPOSE 3000 3001 9100
STOPSIGNAL SIGTERM
# All processes in one container; compose.yaml gives each its own.
CMD ["python", "-P", "-m", "runtime.cli", "up"]
