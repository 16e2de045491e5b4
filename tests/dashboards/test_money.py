from __future__ import annotations

import pytest

from dashboards.money import money


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0"), (0.00000421, "$0.00000421"), (0.000004, "$0.000004"), (0.0012345, "$0.00123"),
        (0.5, "$0.50"), (0.999, "$0.999"), (1.2, "$1.20"), (12.34, "$12.3"), (123.4, "$123"),
        (1234.5, "$1,234"), (-0.5, "-$0.50"), (1e-20, "$0.00"),
    ],
)  # fmt: skip
def test_three_digits_count(amount: float, shown: str) -> None:
    assert money(amount, "USD") == shown


def test_a_currency_without_a_sign_stands_before_the_amount() -> None:
    assert money(1.5, "CHF") == "CHF 1.50"
