"""Every trigger is recognised by a sample of its event, given as an object and as JSON bytes."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracekit.triggers.table import EVENTS, SAMPLES, Sample
from tracekit import triggers
from tracekit.triggers.moment import epoch_ms

# A busy machine is no reason to fail.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=[sample.file for sample in SAMPLES])


@each_sample
@pytest.mark.parametrize("form", ["object", "json bytes"])
def test_a_sample_event_is_recognised(sample: Sample, form: str) -> None:
    event = sample.event
    trigger = triggers.detect(json.dumps(event).encode() if form == "json bytes" else event)
    assert (trigger.kind, trigger.name) == (sample.kind, sample.name)
    assert {key: trigger.attributes.get(key) for key in sample.attributes} == sample.attributes
    assert trigger.is_message == (sample.kind == "pubsub")


@each_sample
def test_when_it_was_sent_is_read_where_the_event_tells(sample: Sample) -> None:
    assert (triggers.detect(sample.event).sent_ms is not None) == sample.sent


def test_the_oldest_message_of_a_batch_counts() -> None:
    [kinesis] = [sample for sample in SAMPLES if sample.file == "aws_kinesis"]
    assert triggers.detect(kinesis.event).sent_ms == 1708999200000


def test_every_sample_is_in_the_table_and_every_detector_has_one() -> None:
    assert sorted(path.stem for path in EVENTS.glob("*.json")) == sorted(sample.file for sample in SAMPLES)
    # A detector nobody recognises anything with would be dead.
    loaded = {f"tracekit.triggers.{module}" for module, *_ in triggers.DETECTORS}
    for name in loaded & set(sys.modules):
        del sys.modules[name]
    for sample in SAMPLES:
        triggers.detect(sample.event)
    assert loaded <= set(sys.modules)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-02-27T02:00:00Z", 1708999200000),
        ("2024-02-27T02:00:00.250Z", 1708999200250),
        ("2024-02-27T10:00:00+08:00", 1708999200000),
        ("2024-02-26T20:30:00-0530", 1708999200000),
        ("2024-02-29T00:00:00Z", 1709164800000),
        ("1970-01-01T00:00:01Z", 1000),
        (1708999200, 1708999200000),
        (1708999200.5, 1708999200500),
        (1708999200000, 1708999200000),
        ("1708999200000", 1708999200000),
        (1708999200000000, 1708999200000),
        (0, None),
        (None, None),
        ("soon", None),
        ("2024-13-01T00:00:00Z", None),
        ("T", None),
        (float("nan"), None),
        ([], None),
    ],
)
def test_a_moment_is_read_in_every_form_platforms_use(value: Any, expected: float | None) -> None:
    assert epoch_ms(value) == expected


@patient
@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)))
def test_moments_agree_with_the_standard_library(moment: Any) -> None:

    utc = moment.replace(tzinfo=UTC)
    assert epoch_ms(utc.isoformat()) == pytest.approx(utc.timestamp() * 1000, abs=0.01)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = sorted({key for _, keys, _ in triggers.DETECTORS for key in keys if key != triggers.LIST})
RECORD_KEYS = [
    "eventSource",
    "EventSource",
    "Sns",
    "kinesis",
    "dynamodb",
    "props",
    "msgId",
    "specversion",
    "type",
]
SOURCES = sorted({source for *_, sources in triggers.DETECTORS for source in sources})
records = st.lists(
    st.dictionaries(st.sampled_from(RECORD_KEYS), json_values | st.sampled_from(SOURCES), max_size=4),
    max_size=3,
)


@patient
@given(
    st.dictionaries(st.sampled_from([*KEYS, "eventSource"]), json_values | records | st.sampled_from(SOURCES))
)
def test_no_event_makes_a_detector_fail(event: dict[str, Any]) -> None:
    assert triggers.detect(event).kind in ("http", "pubsub", "datasource", "timer", "other")


@patient
@given(records)
def test_no_list_makes_a_detector_fail(event: list[Any]) -> None:
    triggers.detect(event)


@patient
@given(st.binary(max_size=50))
def test_no_bytes_make_a_detector_fail(event: bytes) -> None:
    triggers.detect(event)
