"""Processes orders from the queue, a batch at a time: reserve, charge, store a receipt.

A batch with a bad order fails as a whole after all its orders have been tried; the broker then delivers
its messages again one by one. The receipt makes that safe: an order that has one is not processed twice.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from shop.functions import invoke_fc, invoke_lambda
from shop.objects import object_exists, put_object

from tracekit import add_event, set_attribute, traced

PAYMENT_TIMEOUT_S = 1.2
log = logging.getLogger("shop.orders")
log.setLevel(logging.INFO)


class OrdersFailed(Exception):
    """Some orders of the batch could not be processed."""


@traced
def handler(event: bytes, context: object) -> str:
    failures = [error for message in json.loads(event) if (error := failure(message["data"]))]
    if failures:
        raise OrdersFailed("; ".join(failures))
    return json.dumps({"processed": True})


def failure(message: dict[str, Any]) -> str:
    """Processes one message; returns why it failed, or "". One bad order must not stop the others."""
    redelivered = message["systemProperties"]["RECONSUME_TIMES"] != "0"
    try:
        process_order(json.loads(message["body"]), redelivered)
    except Exception as error:
        log.warning("message %s failed", message["systemProperties"]["MSG_ID"], exc_info=True)
        return f"{message['systemProperties']['MSG_ID']}: {type(error).__name__}: {error}"
    return ""


@traced
def process_order(order: dict[str, Any], redelivered: bool) -> None:
    set_attribute("shop.order.id", order["id"])
    if redelivered and object_exists("receipts", order["id"]):
        return
    check_address(order)
    invoke_fc("catalogue", {"action": "reserve", "items": order["items"]})
    receipt = {"order": order["id"], "payment": charge(order)}
    put_object("receipts", order["id"], json.dumps(receipt).encode())
    log.info("order %s is processed, payment %s", order["id"], receipt["payment"])


def check_address(order: dict[str, Any]) -> None:
    """Raises KeyError or ValueError for an order that can never be shipped."""
    if not order["address"]["postcode"].isdigit():
        raise ValueError(f"postcode {order['address']['postcode']!r} is not a number")


@traced
def charge(order: dict[str, Any]) -> str:
    """Charges the card and returns approved, declined, or pending when the bank takes too long."""
    payment = {"order": order["id"], "card": order["card"], "amount_cents": order["total_cents"]}
    try:
        result = invoke_lambda("payments", payment, timeout_s=PAYMENT_TIMEOUT_S)
    except TimeoutError:
        add_event("payment left pending", {"timeout_s": PAYMENT_TIMEOUT_S})
        log.error("the bank took longer than %s s for order %s", PAYMENT_TIMEOUT_S, order["id"])
        return "pending"
    return str(result["status"])
