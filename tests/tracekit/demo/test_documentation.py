"""docs/demo.md names what there is."""

from __future__ import annotations

import argparse
from pathlib import Path

from tracekit.demo import alerting, application, settings

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "demo.md").read_text()


def test_every_option_is_documented() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    settings.add_arguments(parser)
    options = [option for action in parser._actions for option in action.option_strings]
    assert [option for option in options if f"`{option}" not in TEXT] == []


def test_every_function_is_documented() -> None:
    names = [function.name for function in application.functions(Path())] + [application.payments().name]
    assert [name for name in names if f"| `{name}`" not in TEXT] == []


def test_alert_rules_are_counted_right() -> None:
    assert (
        f"{['no', 'one', 'two', 'three', 'four'][len(alerting.rules(''))].capitalize()} alert rules" in TEXT
    )
