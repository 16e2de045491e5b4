from __future__ import annotations

import pytest

from collector.analysis.stacktrace import StackLine, parse


@pytest.mark.parametrize(
    ("line", "file", "number", "function"),
    [
        ('  File "/app/shop.py", line 42, in charge', "/app/shop.py", 42, "charge"),
        ('    File "<string>", line 1', "<string>", 1, ""),
        ("    at charge (/app/shop.js:42:7)", "/app/shop.js", 42, "charge"),
        (
            "    at async Shop.charge (file:///app/shop.mjs:42:7)",
            "file:///app/shop.mjs",
            42,
            "async Shop.charge",
        ),
        ("    at /app/shop.js:42:7", "/app/shop.js", 42, ""),
        ("\tat com.shop.Charge.run(Charge.java:42)", "Charge.java", 42, "com.shop.Charge.run"),
        ("   at Shop.Charge() in /app/Shop.cs:line 42", "/app/Shop.cs", 42, "Shop.Charge()"),
        ("\t/app/shop.go:42 +0x1d", "/app/shop.go", 42, ""),
        ("\tfrom app/shop.rb:42:in `charge'", "app/shop.rb", 42, "charge"),
        ("#0 /app/shop.php(42): charge()", "/app/shop.php", 42, "charge()"),
    ],
)
def test_a_frame_gives_its_place_in_the_code(line: str, file: str, number: int, function: str) -> None:
    assert parse(line) == (StackLine(line, file, number, function),)


def test_other_lines_stay_as_they_are() -> None:
    text = "Traceback (most recent call last):\n    charge(order)\nValueError: at 3:30"
    assert [line.text for line in parse(text)] == text.split("\n")
    assert not any(line.file for line in parse(text))


def test_frames_of_libraries_are_told_from_the_functions_own() -> None:
    own, library = parse('  File "/app/a.py", line 1, in a\n  File "/v/site-packages/b.py", line 2, in b')
    assert (own.library, library.library) == (False, True)


def test_an_endless_line_is_plain_text() -> None:
    line = "    at " + "a" * 100_000 + " (/app/shop.js:42:7)"
    assert parse(line) == (StackLine(line),)


INSTALLED = """Traceback (most recent call last):
  File "/v/lib/python3.11/site-packages/shop/handlers/web.py", line 1, in handler
  File "/v/lib/python3.11/site-packages/shop/pay.py", line 2, in pay
  File "/v/lib/python3.11/site-packages/requests/api.py", line 3, in get
  File "/usr/lib/python3.11/socket.py", line 4, in connect
TimeoutError: no"""


def own(stack: str) -> list[str]:
    return [line.function for line in parse(stack) if line.file and not line.library]


def test_an_installed_function_is_the_package_its_stack_begins_in() -> None:
    assert own(INSTALLED) == ["handler", "pay"]


def test_an_installed_function_of_other_languages_ends_its_stack() -> None:
    stack = "E: no\n    at send (/v/node_modules/axios/a.js:4:1)\n    at main (/v/node_modules/shop/b.js:2:3)"
    assert own(stack) == ["main"]


def test_code_outside_of_folders_of_libraries_is_all_there_is_of_the_function() -> None:
    mixed = INSTALLED.replace("/usr/lib/python3.11/socket.py", "/app/wire.py")
    assert own(mixed) == ["connect"]


def test_a_stack_that_begins_in_the_standard_library_is_nobodys_own() -> None:
    stack = INSTALLED.replace("site-packages/shop", "asyncio")
    assert own(stack) == []


@pytest.mark.parametrize(
    ("file", "place"),
    [("/v/lib/python3.11/site-packages/shop/pay.py", "shop/pay.py"), ("/app/pay.py", "/app/pay.py")],
)
def test_an_installed_file_is_named_from_its_package_on(file: str, place: str) -> None:
    assert StackLine("", file).place == place
