"""`/api/integrations`: list, connect, change, pause, remove, test. Secrets go in and never out."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from api.channels import channels, examined, hang_up
from api.deps import UseCaller, UseServices
from api.errors import invalid
from api.imports import Imports
from api.services import Services
from api.shapes import to_json
from connectors.registry import UnknownPlatform, connector
from schemas.envelope import rfc3339
from streams.directory import Integration, NotFound
from streams.tokens import TokenEnd, Tokens

router = APIRouter(prefix="/api/integrations", tags=["integrations"])

Text = Annotated[str, StringConstraints(max_length=2_000)]
Settings = Annotated[dict[str, Text], Field(max_length=40)]
Secrets = Annotated[
    dict[str, Annotated[SecretStr, StringConstraints(max_length=4_000)]], Field(max_length=20)
]


class FirstSync(BaseModel):
    """Who wins where an item differs the first time it is seen."""

    model_config = ConfigDict(extra="forbid")

    winner: Annotated[str, StringConstraints(max_length=40)]
    """`newest`, `ask`, `mongodb`, or the name of a connected platform"""


class NewIntegration(BaseModel):
    """A platform to connect."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    platform: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    replica: Annotated[str, StringConstraints(max_length=40)] | None = None
    """Its name in records; a second account of the same kind is `woocommerce:2`."""
    settings: Settings = {}
    secrets: Secrets = {}
    active: bool = True
    first_sync: FirstSync | None = Field(None, alias="firstSync")
    """Left out: nothing moves before the preview was seen and confirmed."""


class IntegrationChange(BaseModel):
    """What to set; what is left out stays, an empty text removes."""

    model_config = ConfigDict(extra="forbid")

    settings: Settings | None = None
    secrets: Secrets | None = None
    active: bool | None = None


@router.get("")
async def list_integrations(
    caller: UseCaller,
    use: UseServices,
    organizationId: str | None = None,
) -> Response:
    """The organisation's platforms. Of secrets only their last four characters."""
    caller.check(organizationId)
    found = await use.directory.integrations(caller.organization_id)
    told = await channels(use.database, caller.organization_id)
    ends = await Tokens(use.database).known(await use.directory.connections(caller.organization_id))
    shapes = [shape(one, told.get(one.replica), ends.get(one.replica)) for one in found]
    return as_json({"integrations": shapes})


@router.post("", status_code=201)
async def create_integration(
    wanted: NewIntegration, caller: UseCaller, use: UseServices
) -> Response:
    """Connect a platform; the same `replica` again changes it."""
    _known(wanted.platform)
    check_urls(use, wanted.settings)
    connection = await use.directory.connect(
        caller.organization_id,
        wanted.platform,
        wanted.settings,
        _revealed(wanted.secrets),
        wanted.active,
        wanted.replica,
        first_sync=wanted.first_sync.winner if wanted.first_sync else None,
    )
    made = await use.directory.integration(caller.organization_id, connection.id)
    if wanted.first_sync is not None:
        await Imports(use.database, use.directory).begin(made)
    return as_json(shape(made), 201)


@router.get("/{integration_id}")
async def get_integration(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """One of them."""
    found = await use.directory.integration(caller.organization_id, integration_id)
    told = await channels(use.database, caller.organization_id)
    return as_json(shape(found, told.get(found.replica)))


@router.patch("/{integration_id}")
async def change_integration(
    integration_id: str, change: IntegrationChange, caller: UseCaller, use: UseServices
) -> Response:
    """Change settings, replace secrets, pause (`active: false`) or go on."""
    check_urls(use, change.settings or {})
    changed = await use.directory.change(
        caller.organization_id,
        integration_id,
        settings=change.settings,
        secrets=None if change.secrets is None else _revealed(change.secrets),
        active=change.active,
    )
    return as_json(shape(changed))


@router.delete("/{integration_id}/secrets/{name}/former")
async def end_former(
    integration_id: str, name: str, caller: UseCaller, use: UseServices
) -> Response:
    """A webhook secret that was replaced counts for a day beside the new one (`formerUntil`); this
    ends it at once."""
    done = await use.directory.end_former(caller.organization_id, integration_id, name)
    told = await channels(use.database, caller.organization_id)
    return as_json(shape(done, told.get(done.replica)))


@router.delete("/{integration_id}", status_code=204)
async def remove_integration(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Forget it and its secrets; our webhooks are taken out of the platform."""
    found = await use.directory.integration(caller.organization_id, integration_id)
    connection = await use.directory.connection(caller.organization_id, found.replica)
    await use.directory.remove(caller.organization_id, integration_id)
    if connection is not None:
        await hang_up(use.database, connection)
    return Response(status_code=204)


@router.post("/{integration_id}/test")
async def test_integration(integration_id: str, caller: UseCaller, use: UseServices) -> Response:
    """Try step by step what the connection needs; what fails says what helps."""
    integration = await use.directory.integration(caller.organization_id, integration_id)
    connection = await use.directory.connection(caller.organization_id, integration.replica)
    if connection is None:
        raise NotFound(f"There is no integration {integration_id}")
    findings = await examined(use, connection)
    return as_json(
        {
            "ok": all(one.ok for one in findings),
            "durationMs": round(sum(one.duration_ms for one in findings), 1),
            "probes": [
                {
                    "name": one.name,
                    "ok": one.ok,
                    "found": one.found,
                    "fix": one.fix or None,
                    "durationMs": round(one.duration_ms, 1),
                }
                for one in findings
            ],
        }
    )


@router.post("/{integration_id}/{switch}")
async def switch_integration(
    integration_id: str,
    switch: Literal["pause", "resume"],
    caller: UseCaller,
    use: UseServices,
) -> Response:
    """Paused: its deliveries are kept, nothing is written to it."""
    changed = await use.directory.change(
        caller.organization_id, integration_id, active=switch == "resume"
    )
    return as_json(shape(changed))


def shape(
    integration: Integration,
    webhooks: Mapping[str, Any] | None = None,
    token_end: TokenEnd | None = None,
) -> dict[str, Any]:
    """As clients see it. `webhooks`: how it tells us of changes; None while nobody has looked."""
    ends_ms = token_end.ends_ms if token_end is not None else None
    return {
        "id": integration.id,
        "platform": integration.platform,
        "replica": integration.replica,
        "active": integration.active,
        "confirmed": integration.confirmed,
        "firstSync": {"winner": integration.first_sync},
        "settings": dict(integration.settings),
        "secrets": {
            name: {
                "set": True,
                "hint": f"••••{hint.hint}",
                "replacedAt": rfc3339(hint.replaced_at_ms) if hint.replaced_at_ms else None,
                "formerUntil": rfc3339(hint.former_until_ms) if hint.former_until_ms else None,
            }
            for name, hint in integration.secrets.items()
        },
        "capabilities": dict(integration.capabilities),
        "fromEnvironment": integration.from_environment,
        "trouble": integration.trouble,
        "tokenEndsAt": rfc3339(ends_ms) if ends_ms else None,
        "webhooks": webhooks,
        "version": integration.version,
    }


def _revealed(secrets: dict[str, SecretStr]) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in secrets.items()}


def _known(platform: str) -> None:
    try:
        connector(platform)
    except UnknownPlatform as error:
        raise invalid(str(error), "Use woocommerce or whatsapp.") from error


def check_urls(use: Services, settings: dict[str, str]) -> None:
    """Addresses we are to call (RELIABILITY: SSRF): http(s) with a host, and in production https
    at a public one. The connectors' HTTP client holds to it when it connects."""
    if use.settings.production and settings.get("allow_private_addresses"):
        raise invalid(
            "allow_private_addresses is for trials.",
            "In production only public addresses are called: leave it out.",
        )
    for name, value in settings.items():
        if not name.endswith("_url") or not value:
            continue
        try:
            parts = urlsplit(value)
            host = parts.hostname or ""
        except ValueError:
            parts, host = urlsplit(""), ""
        if parts.scheme not in ("http", "https") or not host or parts.username:
            raise invalid(f"{name} is not an address.", "Send https://shop.example, no user in it.")
        if use.settings.production and (parts.scheme != "https" or _is_private(host)):
            raise invalid(
                f"{name} is not a public https address.",
                "In production shops are called by https at public addresses only.",
            )


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def as_json(value: Any, status: int = 200) -> Response:
    """An answer with this JSON."""
    return Response(to_json(value), status_code=status, media_type="application/json")
