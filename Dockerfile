# The servers come from compose.yaml; this image holds only SmartStore itself.
FROM python:3.12-slim

WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY pyproject.toml LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY streams streams
COPY api api
COPY runtime runtime
COPY sandbox sandbox

RUN useradd --create-home smartstore && mkdir /data && chown smartstore /data
USER smartstore
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 SMARTSTORE_HOME=/data HOST=0.0.0.0
VOLUME /data
EXPOSE 3000 3001
STOPSIGNAL SIGTERM
CMD ["python", "-P", "-m", "runtime.cli", "up"]
