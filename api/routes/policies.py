"""`/api/policies`: which side wins where two sides changed one field; every version, and what
other rules would have done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from api.deps import Caller, UseCaller, UseServices
from api.policies import foreseen_shape, policies_shape, version_shape
from api.services import Services
from api.shapes import to_json
from schemas.fields import ENTITY_TYPES
from schemas.policy import Brakes, Rule
from streams.directory import Invalid

router = APIRouter(prefix="/api/policies", tags=["policies"])

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Name = Annotated[str, StringConstraints(max_length=40)]


class PolicyRule(BaseModel):
    """One rule; `*` is any."""

    model_config = ConfigDict(extra="forbid")

    type: Name = "*"
    field: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "*"
    platform: Name = "*"
    """One of the two sides that differ."""
    policy: Literal["newest", "local", "remote", "merge", "manual"] = "newest"
    winner: Name = ""


class PolicyBrakes(BaseModel):
    """When what one platform says is held for a person; 0 switches a brake off."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    stock_share: Share = 0.2
    price_change: Annotated[float, Field(ge=0, le=100)] = 0.5
    price_items: Count = 5
    deletes: Count = 10
    least: Count = 10
    window_s: Annotated[int, Field(ge=1, le=86_400)] = 60


class PolicyTrial(BaseModel):
    """Rules to be tried."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)

    rules: Annotated[list[PolicyRule], Field(max_length=500)]


class PolicyChange(PolicyTrial):
    """All rules, and the version they were made from. Limits and threshold that are not named
    stay."""

    version: Annotated[int, Field(ge=0)] | None = None
    brakes: PolicyBrakes | None = None
    automatic_at: Share | None = None


@router.get("")
async def get_policies(caller: UseCaller, use: UseServices) -> Response:
    """The rules; none: the newest change wins."""
    held = await use.directory.rulebook.newest(caller.organization_id)
    return _answer(policies_shape(held.policies))


@router.put("")
async def put_policies(change: PolicyChange, caller: UseCaller, use: UseServices) -> Response:
    """Replace the rules; they count from `effectiveFrom` on. 409 when `version` is not the
    newest."""
    rules = await _checked(change.rules, caller, use)
    saved = await use.directory.rulebook.save(
        caller.organization_id,
        rules,
        brakes=None if change.brakes is None else Brakes(**change.brakes.model_dump()),
        automatic_at=change.automatic_at,
        expected=change.version,
        by=caller.by,
    )
    return _answer(policies_shape(saved))


@router.get("/versions")
async def list_versions(
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[int | None, Query(ge=1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Every version there was, newest first; `next` is null at the end."""
    found = await use.directory.rulebook.versions(
        caller.organization_id, before=cursor, limit=limit + 1
    )
    page = found[:limit]
    following = page[-1].policies.version if len(found) > limit else None
    return _answer({"versions": [version_shape(one) for one in page], "next": following})


@router.post("/versions/{version}/restore")
async def restore_version(version: int, caller: UseCaller, use: UseServices) -> Response:
    """Save what a version of before said, as a new one; 0 is no rules at all."""
    saved = await use.directory.rulebook.restore(caller.organization_id, version, by=caller.by)
    return _answer(policies_shape(saved))


@router.post("/preview")
async def preview_policies(
    trial: PolicyTrial,
    caller: UseCaller,
    use: UseServices,
    cursor: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What the conflicts of the last 30 days would have become under these rules: how many of each
    kind, and those that would go otherwise. Nothing is changed."""
    rules = await _checked(trial.rules, caller, use)
    counts, changed, more = await use.policies.preview(caller.organization_id, rules)
    page = changed[cursor : cursor + limit]
    end = cursor + limit
    return _answer(
        {
            "counts": dict(counts),
            "different": len(changed),
            "conflicts": [foreseen_shape(one) for one in page],
            "next": end if end < len(changed) else None,
            "incomplete": more,
        }
    )


async def _checked(given: list[PolicyRule], caller: Caller, use: Services) -> list[Rule]:
    """Raises Invalid for a rule about nothing we have, or two about the same."""
    replicas = {found.replica for found in await use.directory.connections(caller.organization_id)}
    places = set()
    for rule in given:
        if rule.type != "*" and rule.type not in ENTITY_TYPES:
            raise Invalid(f"There is no entity type {rule.type}; use {', '.join(ENTITY_TYPES)}")
        for name in (rule.winner, "" if rule.platform == "*" else rule.platform):
            if name and name not in replicas:
                raise Invalid(f"There is no platform {name}; use {', '.join(sorted(replicas))}")
        place = (rule.type, rule.field, rule.platform)
        if place in places:
            raise Invalid(
                f"There are two rules for type {rule.type}, field {rule.field}, "
                f"platform {rule.platform}"
            )
        places.add(place)
    return [Rule(**rule.model_dump()) for rule in given]


def _answer(value: dict[str, Any]) -> Response:
    return Response(to_json(value), media_type="application/json")
