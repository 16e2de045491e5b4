"""`tracekit doctor` says what is so, why, and what is wrong; its exit status says whether anything is."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.tracekit.conftest import clean_env


def doctor(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tracekit", "doctor", *options]
    variables = {
        name: value for name, value in clean_env(env).items() if name in env or "TRACEKIT" not in name
    }
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables)


def setting(answer: subprocess.CompletedProcess[str], name: str) -> str:
    [line] = re.findall(rf"^  {name} .*$", answer.stdout, re.M)
    return " ".join(line.split()[1:])


def test_all_is_well_where_the_endpoint_answers(collector: Any) -> None:
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "took an empty OTLP request" in answer.stdout and answer.stdout.endswith("Everything is fine.\n")
    assert collector.requests and collector.spans == [], "it asked for real, and left no span behind"


def test_the_server_says_how_it_reads_and_its_settings_are_no_mistakes(collector: Any) -> None:
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, TRACEKIT_OTLP_HTTP="127.0.0.1:1")
    assert answer.returncode == 0
    assert re.search(r"^  OTLP protobuf is read in (C|Python)", answer.stdout, re.M)
    assert "TRACEKIT_OTLP_HTTP is a setting of tracekit serve" in answer.stdout


def test_each_value_names_the_variable_it_comes_from(collector: Any) -> None:
    answer = doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_SERVICE_NAME="orders",
        TRACEKIT_FLUSH_BUDGET_MS="50",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=very-secret",
    )
    assert setting(answer, "service_name") == "orders OTEL_SERVICE_NAME"
    assert setting(answer, "flush_budget_ms") == "50 TRACEKIT_FLUSH_BUDGET_MS"
    assert setting(answer, "endpoint").endswith("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert setting(answer, "compression") == "none default"
    assert setting(answer, "headers").endswith("OTEL_EXPORTER_OTLP_HEADERS")
    assert "very-secret" not in answer.stdout


def test_an_endpoint_that_is_not_there_is_a_problem(port: int) -> None:
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}")
    assert answer.returncode == 1
    assert f"PROBLEM: http://127.0.0.1:{port}/v1/traces did not take" in answer.stdout


def test_an_endpoint_that_hangs_is_given_up_and_is_a_problem(collector: Any) -> None:
    collector.answer = lambda request: time.sleep(20)
    answer = doctor("--timeout", "0.5", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert answer.returncode == 1 and "no answer in time" in answer.stdout


def test_a_value_that_cannot_be_understood_and_a_misspelt_name_are_problems() -> None:
    answer = doctor(
        OTEL_TRACES_EXPORTER="none", OTEL_TRACES_SAMPLER="sometimes", TRACEKIT_FLUSH_BUDGETS_MS="1"
    )
    assert answer.returncode == 1
    assert "PROBLEM: OTEL_TRACES_SAMPLER='sometimes'" in answer.stdout
    assert "TRACEKIT_FLUSH_BUDGETS_MS is no setting; did you mean TRACEKIT_FLUSH_BUDGET_MS?" in answer.stdout
    assert "2 problems" in answer.stdout


def test_a_password_in_an_address_is_not_shown(port: int) -> None:
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://ann:hunter2@127.0.0.1:{port}")
    assert "hunter2" not in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
        ("FC_FUNCTION_NAME", "Function Compute"),
        ("K_SERVICE", "Knative"),
    ],
)
def test_the_platform_is_recognised_and_a_span_is_shown_with_its_resource(variable: str, name: str) -> None:
    answer = doctor(**{variable: "shop", "OTEL_TRACES_EXPORTER": "none"})
    assert answer.returncode == 0
    assert f"{name}" in answer.stdout and f"({variable} is set)" in answer.stdout
    assert "server 'GET /orders'" in answer.stdout and "parent cdcdcdcdcdcdcdcd" in answer.stdout
    assert "faas.name = 'shop'" in answer.stdout


def test_what_is_switched_off_is_a_problem_and_what_is_not_sampled_is_said() -> None:
    off = doctor(OTEL_TRACES_EXPORTER="none", OTEL_SDK_DISABLED="true")
    assert off.returncode == 1 and "nothing is recorded" in off.stdout
    unsampled = doctor(OTEL_TRACES_EXPORTER="none", OTEL_TRACES_SAMPLER="always_off")
    assert unsampled.returncode == 0 and "left it out" in unsampled.stdout


def test_each_signal_that_is_sent_has_its_endpoint_asked(collector: Any, port: int) -> None:
    answer = doctor(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        TRACEKIT_LOGS="true",
        OTEL_METRICS_EXPORTER="otlp",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"http://127.0.0.1:{port}/v1/metrics",
    )
    assert answer.returncode == 1 and len(collector.requests) == 2
    assert f"{collector.url}/v1/logs took an empty OTLP request" in answer.stdout
    assert f"PROBLEM: http://127.0.0.1:{port}/v1/metrics did not take" in answer.stdout


def test_it_says_whether_opentelemetry_is_connected(collector: Any) -> None:
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    assert "its spans, logs and metrics and tracekit's go together" in answer.stdout
    answer = doctor(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_PYTHON_CONTEXT="contextvars_context")
    assert answer.returncode == 0, "the usual one, by its name"
