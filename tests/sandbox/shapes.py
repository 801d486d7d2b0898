"""Holds JSON to Stripe's published schemas, strictly: unknown properties fail too."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PAYLOADS = Path(__file__).parent / "stripe_payloads"

# Newer than the schemas we hold: endive's addition to portal sessions.
_SINCE = {"billing_portal.session": {"after_expiration": {"type": "object"}}}


def _converted(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: nullable becomes an alternative, objects are closed."""
    if isinstance(node, list):
        return [_converted(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _converted(value) for key, value in node.items() if key != "nullable"}
    if isinstance(node.get("properties"), dict) and "additionalProperties" not in node:
        plain["additionalProperties"] = False
    # Nothing first: it is told at once, and most of what may be nothing is.
    return {"anyOf": [{"type": "null"}, plain]} if node.get("nullable") is True else plain


@cache
def _schemas() -> dict[str, Any]:
    found = PAYLOADS / "openapi_schemas_subset.2026-08-26.dahlia.json"
    schemas: dict[str, Any] = json.loads(found.read_text())["components"]["schemas"]
    for name, fields in _SINCE.items():
        schemas[name]["properties"] |= fields
    return {name: _converted(schema) for name, schema in schemas.items()}


@cache
def raw_schema(name: str) -> dict[str, Any]:
    """The schema as published."""
    found = PAYLOADS / "openapi_schemas_subset.2026-08-26.dahlia.json"
    schema: dict[str, Any] = json.loads(found.read_text())["components"]["schemas"][name]
    return schema


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": {"schemas": _schemas()}}
    )


def problems(obj: dict[str, Any]) -> list[str]:
    """What is wrong with an answer: an object, a list, an event, a deleted object or an error."""
    if "error" in obj:
        return _against("error", obj)
    if obj["object"] == "list":
        assert set(obj) == {"object", "data", "has_more", "url"}
        return [problem for item in obj["data"] for problem in problems(item)]
    if obj.get("deleted"):
        return _against(f"deleted_{obj['object']}", obj)
    found = _against(obj["object"], obj)
    if obj["object"] == "event":
        found += problems(obj["data"]["object"])
    return found


def _against(name: str, obj: dict[str, Any]) -> list[str]:
    return list(_against_text(name, json.dumps(obj)))


@cache
def _against_text(name: str, text: str) -> tuple[str, ...]:
    """The same for JSON as it travels: a row comes again and again, in events, lists and later answers."""
    return tuple(
        f"{name}.{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in _validator(name).iter_errors(json.loads(text))
    )
