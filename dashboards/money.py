"""Amounts of money for people: calls cost millionths, months thousands."""

from __future__ import annotations

from math import floor, log10

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "CN¥", "JPY": "JP¥"}


def money(amount: float, currency: str) -> str:
    """Three digits that count, never as a power: $0.0000042, $1.23, $1,234."""
    sign = SYMBOLS.get(currency, f"{currency} ")
    if not amount:
        return f"{sign}0"
    decimals = min(max(2 - floor(log10(abs(amount))), 0), 15)
    text = f"{abs(amount):,.{decimals}f}"
    # 0.00100 is 0.001; but 1.20 and 0.50 read as prices do.
    while text.endswith("0") and "." in text and len(text.partition(".")[2]) > 2:
        text = text[:-1]
    return f"{'-' if amount < 0 else ''}{sign}{text}"
