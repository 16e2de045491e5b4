"""What a call from a platform is recorded as."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from tracekit import current_span, span, traced
from tracekit.span import CONSUMER, ERROR, SERVER

TRACEPARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
USAGE = {
    "faas.cpu_usage",
    "faas.mem_usage",
    "tracekit.concurrent_invocations",
    "tracekit.cpu.thread_time",
    "tracekit.cpu.utilization",
    "tracekit.memory.scope",
}
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


class LambdaContext:
    aws_request_id = "req-1"
    function_name = "shop"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123:function:shop:live"
    client_context: Any = None


def fc_context(**fields: Any) -> Any:
    function = SimpleNamespace(name="shop", handler="index.handler", memory="512", timeout="3")
    return SimpleNamespace(
        **{"request_id": "req-2", "function": function, "region": "cn-hangzhou", "account_id": "42", **fields}
    )


def messages(*traceparents: str) -> list[Any]:
    return [
        {"type": "mq:Topic:SendMessage", "data": {"topic": "orders", "userProperties": {"traceparent": text}}}
        for text in traceparents
    ]


@traced(name="handler")
def handler(event: Any, context: Any) -> Any:
    if event == b"fail" or (isinstance(event, dict) and event.get("fail")):
        raise ValueError("no")
    return {"statusCode": event.get("status", 200)} if isinstance(event, dict) else "fine"


def test_a_lambda_call_is_a_server_span_with_its_facts(recorded: Any) -> None:
    handler({}, LambdaContext())
    call = recorded.named("shop")
    assert call.kind == SERVER
    assert {key: value for key, value in call.attributes.items() if key not in USAGE} == {
        "faas.trigger": "other",
        "faas.invocation_id": "req-1",
        "faas.coldstart": True,
        "cloud.resource_id": "arn:aws:lambda:eu-west-1:123:function:shop",
        "cloud.account.id": "123",
        "tracekit.phase": "invocation",
    }


def test_an_fc_call_is_named_after_its_function(recorded: Any) -> None:
    handler(b'{"triggerName": "t", "triggerTime": "2024-01-01T00:00:00Z", "payload": ""}', fc_context())
    call = recorded.named("shop")
    assert call.attributes["faas.trigger"] == "timer"
    assert call.attributes["cloud.resource_id"] == "acs:fc:cn-hangzhou:42:functions/shop"


def test_fields_an_fc_context_lacks_are_left_out(recorded: Any) -> None:
    handler(b"x", SimpleNamespace(request_id="r", function=SimpleNamespace(name="shop")))
    assert "cloud.resource_id" not in recorded.named("shop").attributes


def test_only_the_first_call_is_cold_and_later_ones_say_so(recorded: Any) -> None:
    for _ in range(3):
        handler({}, LambdaContext())
    calls = [span for span in recorded.all if span.name == "shop"]
    assert [call.attributes["faas.coldstart"] for call in calls] == [True, False, False]
    assert len([span for span in recorded.all if span.name == "ColdStart"]) == 1


def test_provisioned_concurrency_is_no_cold_start(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "provisioned-concurrency")
    handler({}, LambdaContext())
    assert recorded.named("shop").attributes["faas.coldstart"] is False
    assert recorded.named("ColdStart").attributes["tracekit.initialization_type"] == "provisioned-concurrency"


def test_the_cold_start_is_a_tree_below_the_call(recorded: Any) -> None:
    handler({}, LambdaContext())
    whole = recorded.named("ColdStart")
    assert whole.parent is recorded.named("shop")
    phases = [recorded.named(name) for name in ("RuntimeInitialization", "FunctionInitialization")]
    assert [phase.parent for phase in phases] == [whole, whole]
    assert whole.start == phases[0].start <= phases[0].end == phases[1].start <= phases[1].end <= whole.end
    assert [phase.attributes["tracekit.phase"] for phase in phases] == ["runtime_init", "function_init"]


def test_the_caller_waited_for_the_cold_start_so_it_is_the_callers_child(recorded: Any) -> None:
    handler({"httpMethod": "GET", "path": "/", "headers": {"traceparent": TRACEPARENT}}, LambdaContext())
    call, whole = recorded.named("GET /"), recorded.named("ColdStart")
    assert call.parent.span_id == whole.parent.span_id == "cd" * 8
    assert call.trace_id == whole.trace_id == "ab" * 16


def test_an_initializer_is_a_phase_of_the_cold_start(recorded: Any) -> None:
    @traced
    def initialize(context: Any) -> None:
        with span("warm up"):
            pass

    initialize(fc_context())
    handler(b"x", fc_context())
    phase = recorded.named("Initializer")
    assert phase.attributes["tracekit.phase"] == "initializer"
    assert phase.parent is recorded.named("ColdStart") and recorded.named("ColdStart").end == phase.end
    assert recorded.named("warm up").parent is phase
    assert len({span.trace_id for span in recorded.all}) == 1


def test_an_initializer_that_fails_is_sent_at_once(recorded: Any) -> None:
    @traced
    def initialize(context: Any) -> None:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        initialize(fc_context())
    assert [span.name for span in recorded.exporter.spans] == [
        "ColdStart",
        "RuntimeInitialization",
        "FunctionInitialization",
        "Initializer",
    ]
    assert recorded.named("Initializer").rare.status == ERROR


@pytest.mark.parametrize("called", [True, False])
def test_an_initializer_that_called_out_keeps_its_trace_which_a_call_without_caller_joins(
    recorded: Any, called: bool
) -> None:
    from tracekit import inject

    carrier: dict[str, str] = {}

    @traced
    def initialize(context: Any) -> None:
        inject(carrier)

    initialize(fc_context())
    caller = f"00-{'a' * 32}-{'b' * 16}-01" if called else ""
    handler(b"x", fc_context(tracing=SimpleNamespace(traceparent=caller)))
    phase, whole = recorded.named("Initializer"), recorded.named("ColdStart")
    assert phase.trace_id in carrier["traceparent"]
    if called:
        assert whole.rare.links[0].context.span_id == phase.span_id
    else:
        assert (whole.trace_id, phase.parent) == (phase.trace_id, whole)


def test_a_batch_has_a_link_for_each_message_and_no_producer_as_parent(recorded: Any) -> None:
    handler(messages(TRACEPARENT, TRACEPARENT.replace("cd", "ef")), fc_context())
    call = recorded.named("shop")
    assert (call.kind, call.parent) == (CONSUMER, None)
    assert [link.context.span_id for link in call.rare.links] == ["cd" * 8, "ef" * 8]


def test_the_platforms_headers_are_the_parent_of_a_direct_call(recorded: Any) -> None:
    tracing = SimpleNamespace(traceparent=TRACEPARENT, tracestate="", span_context="")
    handler(b"{}", fc_context(tracing=tracing))
    assert recorded.named("shop").parent.span_id == "cd" * 8


def test_a_lambda_client_context_carries_the_caller(recorded: Any) -> None:
    context = LambdaContext()
    context.client_context = SimpleNamespace(custom={"traceparent": TRACEPARENT})
    handler({}, context)
    assert recorded.named("shop").parent.span_id == "cd" * 8


def test_x_ray_is_linked_because_its_segments_are_not_ours(
    recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", XRAY)
    handler({}, LambdaContext())
    call = recorded.named("shop")
    assert call.parent is None
    assert call.rare.links[0].context.span_id == "53995c3f42cd8ad8"


def test_x_ray_may_be_made_the_parent(recorded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tracekit import config, pipeline

    monkeypatch.setenv("_X_AMZN_TRACE_ID", XRAY)
    monkeypatch.setenv("TRACEKIT_XRAY_PARENT", "1")
    config.forget()
    pipeline.get().config = config.get()
    handler({}, LambdaContext())
    assert recorded.named("shop").trace_id == "5759e988bd862e3fe1be46a994272793"


@pytest.mark.parametrize(("status", "failed"), [(200, False), (404, False), (500, True), ("503", True)])
def test_a_server_error_in_the_answer_is_an_error(recorded: Any, status: Any, failed: bool) -> None:
    handler({"httpMethod": "GET", "path": "/", "status": status}, LambdaContext())
    call = recorded.named("GET /")
    assert call.attributes["http.response.status_code"] == int(status)
    assert (call.rare is not None and call.rare.status == ERROR) == failed
    assert call.attributes.get("error.type") == (str(status) if failed else None)


def test_a_failing_call_is_recorded_and_still_fails(recorded: Any) -> None:
    with pytest.raises(ValueError, match="no"):
        handler({"fail": True}, LambdaContext())
    call = recorded.named("shop")
    assert call.attributes["error.type"] == "ValueError" and call.rare.events[0].name == "exception"


def test_a_call_nobody_recognises_is_a_plain_span(recorded: Any) -> None:
    traced(name="plain")(lambda event, context: None)({}, None)
    assert recorded.named("plain").attributes is None


def test_a_handler_says_so_itself(recorded: Any) -> None:
    traced(name="plain", handler=True)(lambda event, context: None)({}, None)
    assert recorded.named("plain").attributes["tracekit.phase"] == "invocation"


def test_nested_handlers_are_one_call(recorded: Any) -> None:
    @traced(name="outer")
    def outer(event: Any, context: Any) -> Any:
        return handler(event, context)

    outer({}, LambdaContext())
    assert recorded.named("handler").parent is recorded.named("shop")


def test_an_asgi_application(recorded: Any) -> None:
    class App:
        @traced
        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 503})
            await send({"type": "http.response.body", "body": b""})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/x",
        "headers": [(b"host", b"h:1"), (b"traceparent", TRACEPARENT.encode())],
    }
    asyncio.run(App().handle(scope, lambda: None, send))
    call = recorded.named("PUT /x")
    assert len(sent) == 2 and call.parent.span_id == "cd" * 8
    assert call.attributes["http.response.status_code"] == 503 and call.rare.status == ERROR
    assert (call.attributes["server.address"], call.attributes["server.port"]) == ("h", 1)
    assert 0 < call.attributes["tracekit.response_ms"] <= (call.end - call.start) / 1e6


def test_a_wsgi_application_with_fc_context(recorded: Any) -> None:
    @traced
    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("201 Created", [])
        return [b"ok"]

    environ = {
        "wsgi.version": (1, 0),
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/y",
        "HTTP_HOST": "h",
        "fc.context": fc_context(),
    }
    answered: list[str] = []
    assert app(environ, lambda status, headers: answered.append(status)) == [b"ok"]
    call = recorded.named("POST /y")
    assert answered == ["201 Created"]
    assert call.attributes["http.response.status_code"] == 201
    assert call.attributes["faas.invocation_id"] == "req-2"


def test_sixty_four_calls_at_once_do_not_mix(recorded: Any) -> None:
    @traced(name="work")
    async def work() -> str:
        await asyncio.sleep(0.001)
        return current_span().trace_id

    @traced(name="call", handler=True)
    async def call(event: Any, context: Any) -> tuple[str, str]:
        return current_span().trace_id, await work()

    async def main() -> list[tuple[str, str]]:
        return await asyncio.gather(*(call({}, None) for _ in range(64)))

    pairs = asyncio.run(main())
    assert all(outer == inner for outer, inner in pairs)
    assert len({outer for outer, _ in pairs}) == 64


def test_a_broken_event_does_not_reach_the_user(recorded: Any) -> None:
    class Hostile(dict):  # type: ignore[type-arg]
        def __contains__(self, key: object) -> bool:
            raise RuntimeError("never to be seen")

    assert traced(lambda event, context: "fine")(Hostile(), LambdaContext()) == "fine"


def test_an_initializer_that_succeeds_after_a_failure_is_recorded_too(recorded: Any) -> None:
    attempts: list[int] = []

    @traced
    def initialize(context: Any) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("not yet")

    with pytest.raises(ValueError, match="not yet"):
        initialize(fc_context())
    initialize(fc_context())
    handler(b"x", fc_context())
    assert len([span for span in recorded.all if span.name == "Initializer"]) == 2
    assert len([span for span in recorded.all if span.name == "ColdStart"]) == 1


def test_an_initializer_before_an_unsampled_call_is_no_orphan(recorded: Any) -> None:
    @traced
    def initialize(context: Any) -> None:
        with span("warm up"):
            pass

    initialize(fc_context())
    unsampled = SimpleNamespace(traceparent=TRACEPARENT[:-2] + "00", tracestate="", span_context="")
    handler(b"x", fc_context(tracing=unsampled))
    assert sorted(span.name for span in recorded.all) == ["Initializer", "warm up"]
    assert recorded.named("warm up").parent is recorded.named("Initializer")


def test_when_nothing_is_sampled_initializers_are_not_recorded(recorded: Any) -> None:
    from tracekit import pipeline
    from tracekit.sampling import Sampler

    pipeline.get().sampler = Sampler("always_off")

    @traced
    def initialize(context: Any) -> None:
        with span("warm up"):
            pass

    initialize(fc_context())
    handler(b"x", fc_context())
    assert recorded.all == []
