"""Alert rules and alerts as JSON, for scripts. docs/alerts.md describes it; tests hold both together."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from collector.alerts.rule import Rule
from collector.alerts.store import AlertStore, UnknownRule
from collector.alerts.validation import InvalidRule, rule_from_json
from dashboards.alert_store import store_of, stored_rule
from dashboards.request_body import json_body

router = APIRouter(prefix="/api/alerts")

Body = Annotated[Any, Depends(json_body)]


@router.get("")
def alerts(request: Request) -> Response:
    """Firing, pending and lately resolved alerts, in this order."""
    return JSONResponse({"alerts": [asdict(alert) for alert in store_of(request).alerts()]})


@router.get("/rules")
def rules(request: Request) -> Response:
    return JSONResponse({"rules": [asdict(rule) for rule in store_of(request).rules()]})


@router.post("/rules")
def create(request: Request, body: Body) -> Response:
    """A new rule each time: names need not be unique."""
    return _saved(store_of(request), body, None)


@router.get("/rules/{rule_id}")
def read(request: Request, rule_id: int) -> Response:
    return JSONResponse(asdict(stored_rule(request, rule_id)))


@router.put("/rules/{rule_id}")
def replace(request: Request, rule_id: int, body: Body) -> Response:
    """The whole rule anew: what is left out takes its default."""
    return _saved(store_of(request), body, stored_rule(request, rule_id))


@router.delete("/rules/{rule_id}")
def delete(request: Request, rule_id: int) -> Response:
    stored_rule(request, rule_id)
    store_of(request).delete(rule_id)
    return Response(status_code=204)


def _saved(store: AlertStore, body: Any, stored: Rule | None) -> Response:
    try:
        rule = store.save(rule_from_json(body, stored))
    except InvalidRule as error:
        return JSONResponse({"error": str(error), "problems": error.problems}, 422)
    except UnknownRule as error:
        return JSONResponse({"error": str(error)}, 404)
    if stored:
        return JSONResponse(asdict(rule))
    return JSONResponse(asdict(rule), 201, {"Location": f"/api/alerts/rules/{rule.id}"})
