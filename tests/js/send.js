// Sends a trace, a log record in it and metrics with the JavaScript SDK: node send.js json|proto|grpc URL, the
// URL without a path. Prints the trace's id.
const { SpanKind, SpanStatusCode, context, trace } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { Resource } = require("@opentelemetry/resources");
const { LoggerProvider, SimpleLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { ExponentialHistogramAggregation, MeterProvider, PeriodicExportingMetricReader, View } = require("@opentelemetry/sdk-metrics");
const { BasicTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const [encoding, base] = process.argv.slice(2);
const name = { json: "http", proto: "proto", grpc: "grpc" }[encoding];
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${name}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${name}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${name}`);

const to = (signal) => ({ url: encoding === "grpc" ? base : `${base}/v1/${signal}` });
const resource = new Resource({ "service.name": `js-${encoding}`, "faas.version": "7" });
const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter(to("traces")))],
});
const loggers = new LoggerProvider({ resource });
loggers.addLogRecordProcessor(new SimpleLogRecordProcessor(new OTLPLogExporter(to("logs"))));
const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to("metrics")) });
const fine = new View({ instrumentName: "fine", aggregation: new ExponentialHistogramAggregation() });
const meters = new MeterProvider({ resource, readers: [reader], views: [fine] });

const tracer = tracers.getTracer("peer", "1.2.3");
const parent = tracer.startSpan("GET /größe", { kind: SpanKind.SERVER });
const inParent = trace.setSpan(context.active(), parent);
const child = tracer.startSpan(
  "query",
  {
    kind: SpanKind.CLIENT,
    attributes: {
      "db.system": "sqlite",
      "db.name": "shop.db",
      "db.statement": "SELECT * FROM t WHERE id IN (1, 2)",
      whole: 12345678901,
      fraction: 1.5,
      flags: [true, false],
    },
    links: [{ context: parent.spanContext() }],
  },
  inParent,
);
child.recordException(new TypeError("no such row"));
child.setStatus({ code: SpanStatusCode.ERROR, message: "failed" });
child.end();
parent.end();

loggers.getLogger("peer", "1.2.3").emit({
  severityNumber: SeverityNumber.WARN2,
  severityText: "warning",
  body: { größe: [1, 2.5, "x"], ok: true },
  attributes: { whole: 12345678901, flags: [true, false] },
  context: inParent,
});

const meter = meters.getMeter("peer", "1.2.3");
meter.createCounter("calls", { unit: "1", description: "How often" }).add(3, { route: "/a" });
meter.createUpDownCounter("open").add(-2);
meter.createGauge("heap", { unit: "By" }).record(0.5);
for (const histogram of ["latency", "fine"]) {
  const made = meter.createHistogram(histogram, { unit: "s", advice: { explicitBucketBoundaries: [0.1, 1] } });
  for (const value of [0.05, 0.5, 0.5, 5]) made.record(value);
}

Promise.all([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]).then(() => console.log(parent.spanContext().traceId));
