from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.payload import LONGEST, frame_locals, laid_out, payload_title


def test_json_is_broken_into_lines_and_other_text_is_left_alone() -> None:
    assert laid_out('{"a":[1,"é"]}') == '{\n  "a": [\n    1,\n    "é"\n  ]\n}'
    for text in ("plain", "17", "{broken", "[" * 100_000, "", "{" + " " * LONGEST + "}"):
        assert laid_out(text) == text


def test_a_payload_of_ours_has_words_for_a_title() -> None:
    assert payload_title("tracekit.request.payload") == "Request payload"
    assert payload_title("messaging.message.body") == "messaging.message.body"


def test_variables_stand_under_their_frame() -> None:
    frame = {
        "function": "charge",
        "file": "/app/pay.py",
        "line": 17,
        "locals": {"amount": "12", "card": "***"},
    }
    assert frame_locals(json.dumps([frame, {"function": "empty", "locals": {}}])) == [
        {"title": "Variables of charge (/app/pay.py:17)", "text": "amount = 12\ncard = ***"}
    ]


@pytest.mark.parametrize("written", [None, 7, "", "{", "{}", '["x", {"locals": 3}]', '[{"locals": null}]'])
def test_what_has_another_form_has_no_variables(written: object) -> None:
    assert frame_locals(written) == []


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda c: st.lists(c) | st.dictionaries(st.text(), c))
)
def test_nothing_that_is_json_breaks_the_table(value: object) -> None:
    assert all(set(frame) == {"title", "text"} for frame in frame_locals(json.dumps(value)))
