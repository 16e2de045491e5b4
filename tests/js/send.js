// Sends one trace with the JavaScript SDK: node send.js json|proto URL; prints its trace id.
const { SpanKind, SpanStatusCode, context, trace } = require("@opentelemetry/api");
const { Resource } = require("@opentelemetry/resources");
const { BasicTracerProvider, SimpleSpanProcessor } = require("@opentelemetry/sdk-trace-base");

const [encoding, url] = process.argv.slice(2);
const packages = { json: "http", proto: "proto" };
const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${packages[encoding]}`);

const provider = new BasicTracerProvider({
  resource: new Resource({ "service.name": `js-${encoding}`, "faas.version": "7" }),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url }))],
});
const tracer = provider.getTracer("peer", "1.2.3");

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
provider.shutdown().then(() => console.log(parent.spanContext().traceId));
