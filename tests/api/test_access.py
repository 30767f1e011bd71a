"""Every route for every role, and for two organisations."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from api.access import ALL_CHANGE, OWNERS_CHANGE, PLUGIN_LOOKS, STAFF_CHANGES, needed
from api.deps import caller
from api.main import create_api
from streams.access import Role

pytestmark = pytest.mark.servers
ROLES = (Role.OWNER, Role.STAFF, Role.ANALYST, Role.PLUGIN)
STREAMED = ("/api/replay",)


def _asks_who(dependant: Any) -> bool:
    return dependant.call is caller or any(_asks_who(one) for one in dependant.dependencies)


def guarded() -> list[tuple[str, str]]:
    """(method, template) of all routes that know their caller, pages too."""
    found = set()
    for context in iter_route_contexts(create_api(lambda: None).routes):  # type: ignore[arg-type]
        route = context.original_route
        if isinstance(route, APIRoute) and _asks_who(route.dependant):
            found |= {(m, route.path_format) for m in route.methods or () if m != "HEAD"}
    return sorted(found)


GUARDED = guarded()


def filled(template: str) -> str:
    return re.sub(r"\{[^}]+\}", "aaaaaaaaaaaaaaaaaaaaaaaa", template)


async def test_no_role_gets_more_than_it_may(api: Any) -> None:
    """What a role may not do is refused before anything is read; what it may is not refused."""
    keys = {}
    for role in ROLES:
        keys[role], _ = await api.services.directory.keys.add("kandy", role.value, role)
    wrong = []
    async with api.client() as client:
        for method, template in GUARDED:
            for role in ROLES:
                allowed = role.may(needed(method, template))
                if allowed and (method != "GET" or template.startswith(STREAMED)):
                    continue  # it would be done: the next test does those on nothing
                headers = {"authorization": f"Bearer {keys[role]}"}
                answer = await client.request(method, filled(template), headers=headers, json={})
                if (answer.status_code == 403) == allowed:
                    wrong.append((method, template, role, answer.status_code))
    assert wrong == []


async def test_another_organisation_is_not_there(api: Any) -> None:
    """An owner of one asks for the other's: the answer is that it is not there."""
    directory, use = api.services.directory, api.services
    _, key = await directory.keys.add("kandy", "theirs", Role.STAFF)
    person = await use.people.add("kandy", "nimal@example.lk", "Nimal", Role.STAFF)
    async with api.client("galle") as galle:
        answers = [
            await galle.delete(f"/api/keys/{key.id}"),
            await galle.post(f"/api/keys/{key.id}/rotate", json={}),
            await galle.patch(f"/api/people/{person.id}", json={"role": "owner"}),
            await galle.delete(f"/api/people/{person.id}"),
            await galle.post(f"/api/people/{person.id}/invitation"),
        ]
        listed = [(await galle.get(path)).text for path in ("/api/keys", "/api/people")]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert "theirs" not in listed[0]
    assert "nimal" not in listed[1]
    assert (await directory.keys.list("kandy"))[0].id == key.id


@pytest.mark.parametrize(("method", "template"), GUARDED)
def test_only_named_changes_are_below_or_above_staff(method: str, template: str) -> None:
    if method == "GET":
        assert needed(method, template) in (Role.ANALYST, Role.OWNER, Role.PLUGIN)
    elif needed(method, template) is Role.STAFF:
        owners = template.startswith(OWNERS_CHANGE)
        assert not owners or template in STAFF_CHANGES


def test_the_lists_name_what_there_is() -> None:
    templates = [template for _, template in GUARDED]
    for prefix in (*OWNERS_CHANGE, *STAFF_CHANGES, *ALL_CHANGE, *PLUGIN_LOOKS):
        if prefix in ("/language", "/api/health"):
            continue  # open to all, or tells strangers less
        assert any(one == prefix or one.startswith(f"{prefix}/") for one in templates), prefix


async def test_a_key_is_rotated_with_an_overlap(api: Any) -> None:
    async with api.client("kandy") as owner:
        made = (await owner.post("/api/keys", json={"name": "app", "role": "analyst"})).json()
        place = f"/api/keys/{made['key']['id']}"
        newer = (await owner.post(f"{place}/rotate", json={"overlapHours": 1})).json()
        listed = (await owner.get("/api/keys")).json()["keys"]
    old = next(key for key in listed if key["id"] == made["key"]["id"])
    assert old["expiresAt"] is not None
    assert newer["key"]["role"] == "analyst"
    for api_key in (made["apiKey"], newer["apiKey"]):
        assert await _status(api, api_key) == 200
    async with api.client("kandy") as owner:
        gone = await owner.delete(place)
        ended = await owner.post(f"{place}/rotate")
    assert (gone.status_code, ended.status_code) == (204, 404)
    assert await _status(api, made["apiKey"]) == 401
    assert await _status(api, newer["apiKey"]) == 200


async def test_a_key_without_overlap_ends_at_once_and_its_use_is_noted(api: Any) -> None:
    async with api.client("kandy") as owner:
        made = (await owner.post("/api/keys", json={"name": "till"})).json()
        assert await _status(api, made["apiKey"]) == 200
        rotated = {"overlapHours": 0}
        await owner.post(f"/api/keys/{made['key']['id']}/rotate", json=rotated)
        listed = (await owner.get("/api/keys")).json()["keys"]
    assert await _status(api, made["apiKey"]) == 401
    assert next(k for k in listed if k["id"] == made["key"]["id"])["lastUsedAt"] is not None


async def _status(api: Any, api_key: str) -> int:
    async with api.client(authorization=f"Bearer {api_key}") as client:
        answer: httpx.Response = await client.get("/api/sync/status")
        return answer.status_code


async def test_strangers_are_told_to_wait_and_known_callers_are_not(api: Any) -> None:
    async with api.client(address="10.9.9.9") as stranger:
        statuses = [(await stranger.get("/api/sync/status")).status_code for _ in range(61)]
    async with api.client("kandy", address="10.9.9.9") as known:
        answer = await known.get("/api/sync/status")
    assert statuses == [401] * 60 + [429]
    assert answer.status_code == 200
