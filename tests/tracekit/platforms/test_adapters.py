"""What each platform's own arguments are understood as, without its runtime."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tracekit import current_span, span, traced
from tracekit.span import CONSUMER, ERROR

TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


def environ(**more: Any) -> dict[str, Any]:
    return {"wsgi.version": (1, 0), "REQUEST_METHOD": "GET", "PATH_INFO": "/feed", "HTTP_HOST": "h", **more}


def start_response(status: str, headers: Any, *more: Any) -> None:
    return None


def test_a_streaming_wsgi_body_is_part_of_the_call(recorded: Any) -> None:
    @traced
    def app(environ: Any, start_response: Any) -> Any:
        def body() -> Any:
            with span("first"):
                yield b"1"
            start_response("503 Busy", [])
            with span("second"):
                yield b"2"

        return body()

    answer = app(environ(HTTP_TRACEPARENT=TRACEPARENT), start_response)
    assert [span.name for span in recorded.exporter.spans if span.name.startswith("GET")] == []
    assert list(answer) == [b"1", b"2"]
    answer.close()
    answer.close()
    call = recorded.named("GET /feed")
    assert call.attributes["http.response.status_code"] == 503, "it was said while the body was made"
    assert [recorded.named(name).parent for name in ("first", "second")] == [call, call]
    assert recorded.named("second").end <= call.end
    answered = call.end - call.attributes["tracekit.response_ms"] * 1e6
    assert recorded.named("first").end - 1e6 <= answered <= recorded.named("second").start + 1e6
    assert current_span().trace_id == "0" * 32


def test_a_body_that_fails_fails_the_call_with_its_own_exception(recorded: Any) -> None:
    @traced
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return (1 // n for n in (1, 0))

    answer = app(environ(), start_response)
    with pytest.raises(ZeroDivisionError):
        list(answer)
    answer.close()
    assert recorded.named("GET /feed").rare.status == ERROR


def test_the_applications_body_is_closed_once(recorded: Any) -> None:
    class Body:
        closed = 0

        def __iter__(self) -> Any:
            return iter([b"x"])

        def close(self) -> None:
            self.closed += 1

    body = Body()
    app = traced(lambda environ, start_response: body)
    answer = app(environ(), start_response)
    assert list(answer) == [b"x"]
    answer.close()
    answer.close()
    assert body.closed == 1


@pytest.mark.parametrize("body", [[b"a"], (b"a",)])
def test_a_body_that_is_there_already_stays_as_it_is(recorded: Any, body: Any) -> None:
    assert traced(lambda environ, start_response: body)(environ(), start_response) is body
    assert recorded.named("GET /feed").end


def test_a_file_for_the_servers_wrapper_stays_as_it_is(recorded: Any) -> None:
    from wsgiref.util import FileWrapper

    file = FileWrapper(SimpleNamespace(read=lambda size: b""))  # type: ignore[arg-type]
    app = traced(lambda environ, start_response: file)
    assert app(environ(**{"wsgi.file_wrapper": FileWrapper}), start_response) is file


def test_a_body_nobody_closes_still_ends_its_call(recorded: Any) -> None:
    answer = traced(lambda environ, start_response: iter([b"a"]))(environ(), start_response)
    del answer
    assert recorded.named("GET /feed").end


def test_a_generator_application_tells_its_status(recorded: Any) -> None:
    @traced
    def app(environ: Any, start_response: Any) -> Any:
        start_response("201 Created", [])
        yield b"x"

    assert list(app(environ(), start_response)) == [b"x"]
    assert recorded.named("GET /feed").attributes["http.response.status_code"] == 201


def scope(**headers: str) -> dict[str, Any]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "POST", "path": "/", "headers": pairs}


async def answer(send: Any, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def nothing(*message: Any) -> dict[str, Any]:
    return {}


def test_a_knative_function_is_an_object_with_a_handle(recorded: Any) -> None:
    class Function:
        @traced
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await answer(send, 202)

    asyncio.run(Function().handle(scope(traceparent=TRACEPARENT), nothing, nothing))
    call = recorded.named("POST /")
    assert call.parent.span_id == "cd" * 8
    assert call.attributes["http.response.status_code"] == 202


def test_a_cloud_event_over_http_is_a_message(recorded: Any) -> None:
    @traced(name="handle")
    async def handle(scope: Any, receive: Any, send: Any) -> None:
        await answer(send)

    event = {"ce_id": "1", "ce_type": "order.created", "ce_source": "/shop", "ce_specversion": "1.0"}
    asyncio.run(handle(scope(**event, traceparent=TRACEPARENT), nothing, nothing))
    call = recorded.named("handle")
    assert (call.kind, call.parent.span_id) == (CONSUMER, "cd" * 8)
    assert call.attributes["cloudevents.event_type"] == "order.created"


def test_an_application_object_is_traced_to_its_end(recorded: Any) -> None:
    class Application:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(0)
            await answer(send, 204)

    app = traced(Application())  # type: ignore[type-var]
    asyncio.run(app(scope(), nothing, nothing))
    assert recorded.named("POST /").attributes["http.response.status_code"] == 204


def test_the_lifespan_of_an_application_is_no_call_and_no_parent(recorded: Any) -> None:
    @traced(name="application")
    async def application(scope: Any, receive: Any, send: Any) -> None:
        with span("startup"):
            await asyncio.sleep(0)

    asyncio.run(application({"type": "lifespan"}, nothing, nothing))
    assert [span.name for span in recorded.all] == ["startup"]
    assert recorded.named("startup").parent is None


def test_what_a_lifespan_raises_goes_through(recorded: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        asyncio.run(traced(application)({"type": "lifespan"}, nothing, nothing))


def azure_class(name: str, **fields: Any) -> Any:
    kind = type(name, (), {"__module__": "azure.functions._abc"})
    value = kind()
    value.__dict__.update(fields)
    return value


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "azure.functions", ModuleType("azure.functions"))
    tracing = SimpleNamespace(trace_parent=TRACEPARENT, trace_state="")
    return SimpleNamespace(
        invocation_id="inv-1", function_name="orders", function_directory="/home", trace_context=tracing
    )


def test_azure_calls_with_keyword_arguments(recorded: Any, azure: Any) -> None:
    request = azure_class("HttpRequest", method="GET", url="https://shop.test/api/o/7?key=secret", headers={})

    @traced
    def main(req: Any, context: Any) -> Any:
        return SimpleNamespace(status_code=404)

    main(req=request, context=azure)
    call = recorded.named("GET /api/o/7")
    assert call.attributes["faas.invocation_id"] == "inv-1"
    assert call.attributes["http.response.status_code"] == 404
    assert call.parent.span_id == "cd" * 8
    assert not any("secret" in str(value) for value in call.attributes.values())


def test_azure_bindings_are_recognised_without_a_context(recorded: Any, azure: Any) -> None:
    from datetime import UTC, datetime

    message = azure_class(
        "ServiceBusMessage",
        message_id="m-1",
        application_properties={"traceparent": TRACEPARENT},
        enqueued_time_utc=datetime(2024, 2, 27, tzinfo=UTC),
    )

    @traced(name="main")
    def main(msg: Any) -> None: ...

    main(msg=[message, message])
    call = recorded.named("main")
    assert call.attributes["messaging.system"] == "servicebus"
    assert call.attributes["messaging.batch.message_count"] == 2
    assert call.attributes["tracekit.queue_delay_ms"] > 0
    assert [link.context.span_id for link in call.rare.links] == ["cd" * 8] * 2


def test_keyword_arguments_of_others_are_their_own_business(
    recorded: Any, azure: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    @traced(name="plain")
    def plain(event: Any, context: Any) -> str:
        return "fine"

    assert plain(event={}, context=SimpleNamespace(aws_request_id="r")) == "fine"
    assert recorded.named("plain") and "tracekit:" not in capsys.readouterr().err


def test_an_azure_timer_is_a_timer(recorded: Any, azure: Any) -> None:
    @traced
    def main(timer: Any, context: Any) -> None: ...

    main(timer=azure_class("TimerRequest", past_due=False), context=azure)
    assert recorded.named("orders").attributes["faas.trigger"] == "timer"


def test_an_openfaas_call_is_its_http_request(recorded: Any) -> None:
    @traced
    def handle(event: Any, context: Any) -> Any:
        return {"statusCode": 418, "body": ""}

    headers = {
        "Host": "shop.openfaas-fn.svc:8080",
        "X-Call-Id": "c-1",
        "X-Start-Time": "1708999200000000000",
        "Traceparent": TRACEPARENT,
    }
    event = SimpleNamespace(body=b"", headers=headers, method="PUT", query={"token": "secret"}, path="/o")
    handle(event, SimpleNamespace(hostname="pod"))
    call = recorded.named("PUT /o")
    assert call.attributes["faas.invocation_id"] == "c-1"
    assert call.attributes["http.response.status_code"] == 418
    assert call.attributes["tracekit.queue_delay_ms"] > 0
    assert call.parent.span_id == "cd" * 8


def test_sixty_four_threads_at_once_do_not_mix(recorded: Any) -> None:
    together = threading.Barrier(64, timeout=60)
    pairs: list[tuple[str, str, str]] = []

    @traced(name="work")
    def work() -> str:
        together.wait()
        return current_span().trace_id

    @traced(name="call", handler=True)
    def call(event: Any, context: Any) -> None:
        before = current_span().trace_id
        pairs.append((event["headers"]["traceparent"][3:35], before, work()))

    def run(number: int) -> None:
        parent = f"00-{number:032x}-{number:016x}-01"
        call(
            {"httpMethod": "GET", "path": "/", "pathParameters": {}, "headers": {"traceparent": parent}}, None
        )

    threads = [threading.Thread(target=run, args=(number,)) for number in range(1, 65)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({sent for sent, *_ in pairs}) == 64
    assert all(sent == before == below for sent, before, below in pairs)
    works = [span for span in recorded.all if span.name == "work"]
    assert all(work.parent.parent.trace_id == work.trace_id for work in works) and len(works) == 64


def test_hooks_before_a_freeze_or_a_stop_are_recorded_and_deliver_what_waits(recorded: Any) -> None:
    context = SimpleNamespace(request_id="r", function=SimpleNamespace(name="shop"))

    @traced
    def initialize(context: Any) -> None: ...

    @traced
    def pre_freeze(context: Any) -> None: ...

    @traced
    def pre_stop(context: Any) -> None:
        raise ValueError("busy")

    initialize(context)
    pre_freeze(context)
    with pytest.raises(ValueError, match="busy"):
        pre_stop(context)
    deadline = time.monotonic() + 20
    while len(recorded.exporter.spans) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)  # nothing here asks for a delivery: the hooks did
    delivered = {span.name: span for span in recorded.exporter.spans}
    assert delivered["PreFreeze"].attributes["tracekit.phase"] == "pre_freeze"
    assert delivered["PreStop"].rare.status == ERROR
    assert "Initializer" not in delivered, "it waits for the trace of the first call"
