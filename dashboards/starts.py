"""How a function begins to send, by platform, as the first page tells it. docs/platforms/ has the rest."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.i18n import N_

# Where the collector listens; put in when a page is made.
ENDPOINT = "{endpoint}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: a sentence, and what to copy."""

    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Start:
    """One platform's way. `page` is its file in docs/platforms/."""

    key: str
    title: str
    page: str
    steps: tuple[Step, ...]


def decorated(text: str) -> Step:
    return Step(N_("Decorate what the platform calls."), text.strip("\n"))


def untouched(text: str) -> Step:
    return Step(N_("Or leave the source as it is."), text)


PACKAGE = Step(
    N_("Put tracekit into the function's package. It has no dependencies."), "pip install tracekit --target ."
)
REQUIREMENTS = Step(N_("Add it to the function's requirements.txt."), "tracekit")
SEND = Step(
    N_("Tell it where this collector listens, in the function's environment."),
    f"OTEL_EXPORTER_OTLP_ENDPOINT={ENDPOINT}",
)
INSTALLED = Step(
    N_("Install it, and tell it where this collector listens."),
    f"pip install tracekit\nexport OTEL_EXPORTER_OTLP_ENDPOINT={ENDPOINT}",
)
EVENT = """
from tracekit import traced  # first


@traced
def handler(event, context):
    ...
"""
PYTHON = """
from tracekit import traced


@traced(handler=True)
def handler(event, context): ...


handler({}, None)
"""
GOOGLE = """
import functions_framework
from tracekit import traced


@functions_framework.http
@traced
def shop(request):
    return "hello"
"""
KNATIVE = """
from tracekit import traced


class Function:
    @traced
    async def handle(self, scope, receive, send):
        ...
"""
AZURE = """
@app.route(route="orders")
@traced
def orders(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    ...
"""
OPENFAAS = """
from tracekit import traced


@traced
def handle(event, context):
    ...
"""
ASGI = """
from fastapi import FastAPI
from tracekit import handler

api = FastAPI()
app = handler(api, platform="asgi")
"""
OTHERS = f"""
export OTEL_SERVICE_NAME=my-function
export OTEL_EXPORTER_OTLP_ENDPOINT={ENDPOINT}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
"""

STARTS: tuple[Start, ...] = (
    Start(
        "python",
        "Python",
        "plain.md",
        (
            INSTALLED,
            Step(N_("Decorate the function that answers events."), PYTHON.strip("\n")),
            untouched("tracekit run --event event.json module:handler"),
        ),
    ),
    Start("fc", "Function Compute", "function-compute.md", (PACKAGE, decorated(EVENT), SEND)),
    Start(
        "lambda",
        "AWS Lambda",
        "aws-lambda.md",
        (
            PACKAGE,
            decorated(EVENT),
            SEND,
            untouched("AWS_LAMBDA_EXEC_WRAPPER=/var/task/tracekit/bootstrap/exec-wrapper"),
        ),
    ),
    Start(
        "google",
        "Google Cloud",
        "google.md",
        (
            REQUIREMENTS,
            decorated(GOOGLE),
            SEND,
            untouched("PYTHONPATH=$(python3 -m tracekit.bootstrap) functions-framework --target shop"),
        ),
    ),
    Start("knative", "Knative", "knative.md", (PACKAGE, decorated(KNATIVE), SEND)),
    Start("azure", "Azure", "azure.md", (REQUIREMENTS, decorated(AZURE), SEND)),
    Start(
        "openfaas",
        "OpenFaaS",
        "openfaas.md",
        (
            REQUIREMENTS,
            decorated(OPENFAAS),
            Step(
                N_("Tell it where this collector listens, in stack.yaml."),
                f"environment:\n  OTEL_EXPORTER_OTLP_ENDPOINT: {ENDPOINT}",
            ),
        ),
    ),
    Start(
        "web",
        "ASGI, WSGI",
        "web.md",
        (
            INSTALLED,
            Step(N_("Wrap the application."), ASGI.strip("\n")),
            untouched("PYTHONPATH=$(python3 -m tracekit.bootstrap) uvicorn app:app"),
        ),
    ),
    Start(
        "otel",
        N_("Other languages"),
        "README.md",
        (
            Step(
                N_("Any OpenTelemetry SDK sends here: traces, metrics and logs, over HTTP or gRPC."),
                OTHERS.strip("\n"),
            ),
        ),
    ),
)


def start_of(key: str) -> Start:
    """The platform of that key; plain Python for one that is not known."""
    return next((start for start in STARTS if start.key == key), STARTS[0])
