"""The decoder in C: the same rows as the one in Python from the same bytes, whole or damaged."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import nanoarrow
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import jsonvalue
from collector.decode import choice, otlp_protobuf
from collector.decode.promote import PROMOTED_KEYS
from collector.decode.result import TooLarge, Undecodable
from collector.model import COLUMN_NAMES, LINK_COLUMNS, SPAN_COLUMNS
from tests.collector.batches import T0
from tests.collector.decode import messages
from tests.collector.decode.decoders import RECEIVED, differ, otlp_protobuf_c, outcome
from tests.collector.decode.mutate import mutated
from tests.collector.otlp import TRACE, request, span

if otlp_protobuf_c is None and not shutil.which(os.environ.get("CC", "cc")):
    pytest.skip("there is no C compiler", allow_module_level=True)
import collector.decode._otlp as _otlp

ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(__file__).parent / "corpus"
# From the resource: Python reads it for both.
_OF_RESOURCES = {
    "service.name", "service.version", "faas.version", "faas.instance", "service.instance.id",
    "cloud.platform", "cloud.region",
}  # fmt: skip


def decoded(*spans: Span) -> Any:
    return otlp_protobuf_c.decode(request(*spans).SerializeToString(), RECEIVED).batch


def test_it_has_the_columns_and_the_wanted_attributes_of_the_one_in_python() -> None:
    def plain(columns: Any) -> list[tuple[str, str]]:
        return [(c.name, "text" if c.type == "json" else c.type) for c in columns]

    assert _otlp.span_columns() == plain(SPAN_COLUMNS)
    assert _otlp.link_columns() == plain(LINK_COLUMNS)
    assert set(_otlp.wanted_keys()) == PROMOTED_KEYS - _OF_RESOURCES


def test_generated_requests_and_damaged_ones_give_the_same_batches() -> None:
    chance = random.Random(os.environ.get("TRACEKIT_TEST_SEED", "1"))
    for _ in range(int(os.environ.get("TRACEKIT_TEST_MESSAGES", "1500"))):
        whole = messages.request(chance)
        for body in (whole, mutated(whole, chance), mutated(whole, chance)):
            assert differ(body) is None, body


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_once_told_them_apart_no_longer_does(path: Path) -> None:
    assert differ(path.read_bytes()) is None


def test_doubles_are_written_as_repr_writes_them() -> None:
    chance = random.Random(2)
    doubles = [messages.double(chance) for _ in range(20_000)]
    doubles += [sign * 2.0**power for power in range(-1074, 1024) for sign in (1, -1)]
    doubles += [
        digits * 10.0**power for power in range(-30, 30) for digits in (1, 7, 1.5, 123456789012345678)
    ]
    doubles += [0.0, -0.0, 5e-324, sys.float_info.max, sys.float_info.min, 9007199254740993.0, math.pi]
    for at in range(0, len(doubles), 5_000):
        values = [number for number in doubles[at : at + 5_000] if math.isfinite(number)]
        one = span(1)
        array = one.attributes.add(key="a").value.array_value
        for number in values:
            array.values.add(double_value=number)
        assert decoded(one).columns["attributes"] == [jsonvalue.dumps({"a": values})]


def test_sql_loses_its_values_in_the_same_way() -> None:
    chance = random.Random(3)
    parts = (
        "select ", "in", " IN (", "values", "(", ")", ",", "?", "'a''b", "'", '"', "\\", "$$", "$a$",
        "-- c\n", "/*", "*/", "1", "-", "+", ".5", "1e", "e9", "0x", "ff", "::int", "@@x", ":y", "%s",
        "%(n)s", "`z", "`", "<=", "->>", "$1", "N'", "u&'", " ", "\t", "\x1f", "\x00", "count", "a.b",
        ";", "limit ", "é", "é'x'",
    )  # fmt: skip
    spans = []
    for n in range(1, 2_000):
        one = span(n)
        one.attributes.add(key="db.query.text").value.string_value = "".join(
            chance.choices(parts, k=chance.randint(1, 14))
        )
        one.attributes.add(key="db.system").value.string_value = chance.choice(
            ("mysql", "postgresql", "MySQL", "é")
        )
        spans.append(one)
    assert differ(request(*spans).SerializeToString()) is None


def test_a_long_statement_is_cut_in_the_same_place() -> None:
    one = span(1)
    one.attributes.add(key="db.statement").value.string_value = "select " + "column, " * 4_000 + "1"
    assert differ(request(one).SerializeToString()) is None
    assert len(decoded(one).columns["db_statement"][0]) == 4_096


def _field(number: int, content: bytes) -> bytes:
    length, found = len(content), b""
    while length > 127:
        found += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + found + bytes([length]) + content


def _with(raw_span: bytes) -> bytes:
    return _field(1, _field(2, _field(2, raw_span)))


def _deep(depth: int) -> bytes:
    value = b"\x18\x01"  # int_value: 1
    for _ in range(depth):
        value = _field(5, _field(1, value))
    return _field(9, _field(1, b"deep") + _field(2, value))


_MANY = _field(2, _field(5, b"\x0a\x00" * 100_001))
BOMBS = {
    "empty": b"",
    "empty spans": _field(1, _field(2, b"\x12\x00" * 200_001)),
    "as many spans as may be": _field(1, _field(2, b"\x12\x00" * 200_000)),
    "empty attributes": _with(span(1).SerializeToString() + b"\x4a\x00" * 2_000_001),
    "many attributes": _with(span(1).SerializeToString() + _field(9, b"\x0a\x01k") * 12_000),
    "empty groups": b"\x0a\x00" * 50_001,
    "empty scopes": _field(1, b"\x12\x00" * 50_001),
    "many events": _with(span(1).SerializeToString() + _field(11, b"\x12\x01e") * 12_000),
    "many values": _with(span(1).SerializeToString() + _field(9, b"\x0a\x01k" + _MANY)),
    "as deep as may be": _with(span(1).SerializeToString() + _deep(32)),
    "too deep": _with(span(1).SerializeToString() + _deep(33)),
    "far too deep": _with(span(1).SerializeToString() + _deep(3_000)),
    "open groups": b"\x0b" * 10_000,
    "a length of 2 GiB": b"\x0a\xff\xff\xff\xff\x07",
    "a varint of 11 bytes": b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_the_bounds_are_the_same(name: str) -> None:
    assert differ(BOMBS[name]) is None


def test_half_a_million_equal_keys_do_not_take_for_ever() -> None:
    attributes = b"".join(_field(9, _field(1, b"%d" % (n % 5_000))) for n in range(10_000))
    body = _field(
        1, _field(2, b"".join(_field(2, span(n).SerializeToString() + attributes) for n in range(1, 51)))
    )
    found = otlp_protobuf_c.decode(body, RECEIVED).batch
    assert [len(jsonvalue.loads(text)) for text in found.take([0, 49]).columns["attributes"]] == [
        5_000,
        5_000,
    ]


# ---------------------------------------------------------------- the batch


def linked(span_id: int, *targets: int, **fields: Any) -> Span:
    links = [Span.Link(trace_id=TRACE, span_id=target.to_bytes(8, "big")) for target in targets]
    return span(span_id, links=links, **fields)


@pytest.mark.filterwarnings("ignore::Warning:nanoarrow")
def test_some_rows_are_taken_with_their_links_and_marks() -> None:
    running = span(3)
    running.attributes.add(key="tracekit.unfinished").value.bool_value = True
    spans = (linked(1, 7, 8), span(2), running, linked(4, 9))
    plain = otlp_protobuf.decode(request(*spans).SerializeToString(), RECEIVED).batch
    native = decoded(*spans)
    for rows in ([], [3], [0, 2], [2, 0, 2], [3, 2, 1, 0]):
        one, other = plain.take(rows), native.take(rows)
        assert {name: list(other.columns[name]) for name in COLUMN_NAMES} == one.columns
        assert other.snapshot_rows() == one.snapshot_rows()
        assert _rows(other.links_arrow()) == _rows(one.links_arrow())
        assert (other.key_bytes(), other.start_range()) == (one.key_bytes(), one.start_range())
    with pytest.raises(IndexError):
        native.take([4])


def _rows(array: Any) -> Any:
    return array and [
        [bytes(value) if isinstance(value, bytes) else value for value in row.values()]
        for row in nanoarrow.Array(nanoarrow.c_array(array)).to_pylist()
    ]


@pytest.mark.filterwarnings("ignore::Warning:nanoarrow")
def test_both_batches_are_the_same_arrow_memory() -> None:
    body = request(span(1, name="größe"), linked(2, 1)).SerializeToString()
    one, other = (d.decode(body, RECEIVED).batch.arrow() for d in (otlp_protobuf, otlp_protobuf_c))
    one, other = nanoarrow.c_array(one), nanoarrow.c_array(other)
    assert [(c.name, c.format, c.metadata and dict(c.metadata)) for c in one.schema.children] == [
        (c.name, c.format, c.metadata and dict(c.metadata)) for c in other.schema.children
    ]
    assert _rows(one) == _rows(other)


@pytest.mark.filterwarnings("ignore::Warning:nanoarrow")
def test_arrow_memory_outlives_its_batch() -> None:
    array = nanoarrow.Array(nanoarrow.c_array(decoded(span(1, name="kept")).arrow()))
    assert array.to_pylist()[0]["name"] == "kept"


def test_several_threads_decode_at_once() -> None:
    bodies = [messages.request(random.Random(seed)) for seed in range(200)]
    expected = [outcome(otlp_protobuf_c.decode, body) for body in bodies]
    found: list[list[Any]] = []
    threads = [
        threading.Thread(target=lambda: found.append([outcome(otlp_protobuf_c.decode, b) for b in bodies]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_a_moment_no_column_can_hold_is_no_received_time() -> None:
    for moment in (-1, 2**63 - 1):
        with pytest.raises(OverflowError):
            otlp_protobuf_c.decode(b"", moment)


@pytest.mark.parametrize(
    "broken",
    [b"\x0a\x02\x0a\x00\x0b", _field(1, _field(1, b"\x0b")), _field(1, _field(2, _field(1, b"\x0b")))],
)
def test_a_damaged_resource_or_scope_is_undecodable(broken: bytes) -> None:
    with pytest.raises(Undecodable):
        otlp_protobuf_c.decode(broken, RECEIVED)


def test_too_large_says_what_there_is_too_much_of() -> None:
    with pytest.raises(TooLarge, match="more than 200000 spans in one request"):
        otlp_protobuf_c.decode(BOMBS["empty spans"], RECEIVED)


# ---------------------------------------------------------------- joined


def test_tables_are_joined_row_by_row() -> None:
    chance = random.Random(9)
    found = [outcome for _ in range(40) if (outcome := decoded_or_none(messages.request(chance)))]
    tables = [batch.arrow() for batch in [*found, decoded(), decoded(span(1))]]
    joined = _otlp.joined(tables)
    for name in COLUMN_NAMES:
        assert joined.column(name) == [value for table in tables for value in table.column(name)]
    assert len(nanoarrow.c_array(joined)) == len(joined) == sum(map(len, tables))
    assert len(_otlp.joined([])) == len(_otlp.joined([decoded().arrow()])) == 0


def decoded_or_none(body: bytes) -> Any:
    try:
        return otlp_protobuf_c.decode(body, RECEIVED).batch
    except (TooLarge, Undecodable):
        return None


def test_only_tables_of_spans_are_joined() -> None:
    linking = span(1)
    linking.links.add(trace_id=TRACE, span_id=bytes(7) + b"1")
    links = decoded(linking).links_arrow()
    for wrong in ([links], [links, links], [decoded().arrow(), links], ["a"], [None]):
        with pytest.raises(TypeError, match="joined"):
            _otlp.joined(wrong)
    with pytest.raises(TypeError):
        _otlp.joined(7)


def test_memory_of_tables_that_are_gone_is_used_again_and_given_back() -> None:
    _otlp.give_back()
    body = request(*(span(number) for number in range(1, 500))).SerializeToString()
    first = otlp_protobuf_c.decode(body, RECEIVED).batch
    expected, size = {name: first.columns[name] for name in COLUMN_NAMES}, first.nbytes
    del first
    again = otlp_protobuf_c.decode(body, RECEIVED).batch
    assert _otlp.give_back() == 0, "the second has what the first had"
    assert {name: again.columns[name] for name in COLUMN_NAMES} == expected
    shorter = otlp_protobuf_c.decode(request(span(1)).SerializeToString(), RECEIVED).batch
    assert shorter.nbytes < size / 10, "a small payload is not given the memory of a large one"
    del again, shorter
    assert _otlp.give_back() >= size
    assert _otlp.give_back() == 0


# ---------------------------------------------------------------- which one serves


def test_the_faster_one_serves_unless_told_otherwise() -> None:
    try:
        choice.use("python")
        assert (choice.decoder_name(), type(choice.decode(b"", T0).batch).__name__) == ("python", "SpanBatch")
        choice.use("auto")
        assert (choice.decoder_name(), type(choice.decode(b"", T0).batch).__name__) == ("c", "ArrowSpanBatch")
    finally:
        choice.use("auto")


def test_without_the_extension_the_one_in_python_serves() -> None:
    script = """
        import sys
        sys.modules["collector.decode._otlp"] = None  # as if it had not been built
        from collector.decode import choice, decoder_name
        assert decoder_name() == "python"
        assert len(choice.decode(b"", 0).batch) == 0
        try:
            choice.use("c")
        except LookupError:
            print("told")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "told\n"
