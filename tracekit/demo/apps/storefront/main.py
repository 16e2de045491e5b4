"""The shop's HTTP entry, on Google's functions-framework.

It calls other functions with `requests`, instrumented by OpenTelemetry: those spans and tracekit's own
are one trace.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from typing import Any

import flask
import functions_framework
import requests
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from shop.objects import put_object
from shop.queues import send_message

from tracekit import set_attribute, traced

RequestsInstrumentor().instrument()
session = requests.Session()
session.headers["x-demo-caller"] = "storefront"

Answer = tuple[dict[str, Any], int]


class Unavailable(Exception):
    """A function the page needs has failed."""


@functions_framework.http
@traced
def storefront(request: flask.Request) -> Answer:
    route = ROUTES.get((request.method, request.path))
    if route is None:
        return {"error": f"no such page: {request.path}"}, 404
    try:
        return route(request)
    except Unavailable as error:
        return {"error": str(error)}, 502


def products(request: flask.Request) -> Answer:
    search = {
        "action": "search",
        "category": request.args.get("category", ""),
        "term": request.args.get("q", ""),
    }
    return {"products": invoke("catalogue", search)}, 200


def recommendations(request: flask.Request) -> Answer:
    wanted = {"product": int(request.args.get("product", "1")), "count": 10}
    return {"products": invoke("recommender", wanted)}, 200


def orders(request: flask.Request) -> Answer:
    order = request.get_json()
    order["id"] = uuid.uuid4().hex
    order["total_cents"] = total(order)
    set_attribute("shop.order.id", order["id"])
    send_message("orders", json.dumps(order))
    return {"order": order["id"]}, 202


def images(request: flask.Request) -> Answer:
    key = f"{uuid.uuid4().hex}.jpg"
    put_object("uploads", key, request.get_data())
    return {"key": key}, 201


@traced
def total(order: dict[str, Any]) -> int:
    """What the order costs in cents, by the catalogue's prices of today."""
    items = order.get("items", [])
    prices = invoke("catalogue", {"action": "prices", "products": [item["product"] for item in items]})
    return sum(prices[str(item["product"])] * item["quantity"] for item in items)


def invoke(function: str, payload: dict[str, Any]) -> Any:
    url = f"{os.environ['SHOP_FC_URL']}/2023-03-30/functions/{function}/invocations"
    reply = session.post(url, json=payload, timeout=8)
    if "X-Fc-Error-Type" in reply.headers or reply.status_code >= 400:
        raise Unavailable(f"{function} failed: {reply.json().get('errorMessage')}")
    return reply.json()


ROUTES: dict[tuple[str, str], Callable[[flask.Request], Answer]] = {
    ("GET", "/products"): products,
    ("GET", "/recommendations"): recommendations,
    ("POST", "/orders"): orders,
    ("PUT", "/images"): images,
}
