"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. Loaded only where traces are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from streams.tracing import HEADER, Attributes, Kind

KINDS = {
    "server": SpanKind.SERVER,
    "internal": SpanKind.INTERNAL,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "client": SpanKind.CLIENT,
}
_carrying = TraceContextTextMapPropagator()


@dataclass(slots=True)
class Exporting:
    """A span of the SDK."""

    span: trace.Span
    traceparent: str

    def end(self, attributes: Attributes | None = None, failed: str = "") -> None:
        """It is over, and goes out with the next batch."""
        if attributes:
            self.span.set_attributes(attributes)
        if failed:
            self.span.set_status(Status(StatusCode.ERROR, failed))
        self.span.end()


class Exported:
    """Endpoint, headers, sampling and batches are OpenTelemetry's own OTEL_… variables."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("smartstore")

    def begin(
        self, name: str, kind: Kind, parent: str, attributes: Attributes, at_ns: int = 0
    ) -> Exporting:
        """Beneath the span that the traceparent names."""
        above = (
            _carrying.extract({HEADER: parent})
            if parent
            else trace.set_span_in_context(trace.INVALID_SPAN)
        )
        span = self._tracer.start_span(
            name,
            context=above,
            kind=KINDS[kind],
            attributes=dict(attributes),
            start_time=at_ns or None,
        )
        carrier: dict[str, str] = {}
        _carrying.inject(carrier, trace.set_span_in_context(span))
        return Exporting(span, carrier.get(HEADER, parent))

    def stop(self) -> None:
        """Send what is left, within seconds."""
        self._provider.shutdown()


def open_spans(process: str) -> Exported:
    """This process's spans."""
    provider = TracerProvider(resource=resource_of(process), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Exported(provider)


def resource_of(process: str) -> Resource:
    """The process's name is the service's, unless OTEL_SERVICE_NAME says otherwise."""
    ours = Resource({"service.name": process, "service.namespace": "smartstore"})
    return Resource.create(dict(ours.merge(OTELResourceDetector().detect()).attributes))
