"""`GET` and `PUT /api/policies`: which side wins where two sides changed one field."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.deps import UseCaller, UseServices
from api.shapes import to_json
from schemas.fields import ENTITY_TYPES
from schemas.policy import Policies, Rule
from streams.directory import Invalid

router = APIRouter(prefix="/api/policies", tags=["policies"])


class PolicyRule(BaseModel):
    """One rule; `*` is any."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, StringConstraints(max_length=40)] = "*"
    field: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "*"
    policy: Literal["newest", "local", "remote", "merge", "manual"] = "newest"
    winner: Annotated[str, StringConstraints(max_length=40)] = ""


class PolicyChange(BaseModel):
    """All rules, and the version they were made from."""

    model_config = ConfigDict(extra="forbid")

    rules: Annotated[list[PolicyRule], Field(max_length=500)]
    version: Annotated[int, Field(ge=0)] | None = None


@router.get("")
async def get_policies(caller: UseCaller, use: UseServices) -> Response:
    """The rules; none: the newest change wins."""
    return _shape(await use.directory.policies(caller.organization_id))


@router.put("")
async def put_policies(change: PolicyChange, caller: UseCaller, use: UseServices) -> Response:
    """Replace the rules. 409 when `version` is not the newest."""
    replicas = {found.replica for found in await use.directory.connections(caller.organization_id)}
    places = set()
    for rule in change.rules:
        if rule.type != "*" and rule.type not in ENTITY_TYPES:
            raise Invalid(f"There is no entity type {rule.type}; use {', '.join(ENTITY_TYPES)}")
        if rule.winner and rule.winner not in replicas:
            raise Invalid(f"There is no platform {rule.winner}; use {', '.join(sorted(replicas))}")
        if (rule.type, rule.field) in places:
            raise Invalid(f"There are two rules for type {rule.type}, field {rule.field}")
        places.add((rule.type, rule.field))
    rules = [Rule(**rule.model_dump()) for rule in change.rules]
    saved = await use.directory.save_policies(
        caller.organization_id, rules, expected=change.version
    )
    return _shape(saved)


def _shape(policies: Policies) -> Response:
    rules = [
        {"type": rule.type, "field": rule.field, "policy": rule.policy, "winner": rule.winner}
        for rule in policies.rules
    ]
    return Response(
        to_json({"version": policies.version, "rules": rules}), media_type="application/json"
    )
