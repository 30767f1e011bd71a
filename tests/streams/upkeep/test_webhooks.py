"""What a connection's webhooks are found to be, and what is done about it. The platform is
pretended; MongoDB is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.channels import channels
from connectors import registry
from connectors.errors import Paused
from connectors.protocol import Subscription
from schemas.clock import unix_ms
from streams.database import Database
from streams.pulse import Pulse
from streams.upkeep import imports, webhooks
from streams.upkeep.rhythm import HOUR_MS, WEEK
from support import pretend
from support.pretend import Pretend
from tests.streams.conftest import KafkaLog
from tests.streams.upkeep.test_imports import Rig

pytestmark = pytest.mark.servers

URL = "https://sync.example"
PLACE = "kandy/pretend"
HOOKS = {"product.updated": "1:x"}


@pytest.fixture
async def rig(
    fresh: Database, kafka: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    shop = Pretend()
    monkeypatch.setitem(registry.PLATFORMS, "pretend", "support.pretend")
    monkeypatch.setattr(pretend, "CONNECTOR", shop)
    registry.forget("pretend")
    monkeypatch.setattr(imports, "LOOK_S", 0.01)
    monkeypatch.setattr(webhooks, "FRESH_S", 0.0)
    monkeypatch.setattr(webhooks, "PING_S", 0.0)
    rig = Rig(fresh, kafka, shop)
    webhooks.register(rig.runner, URL)
    yield rig
    await rig.runner.stop()
    registry.forget("pretend")


async def state(rig: Rig) -> dict[str, Any]:
    found = await rig.database[webhooks.COLLECTION].find_one({"_id": PLACE})
    assert found is not None
    return found


async def polls(rig: Rig) -> list[dict[str, Any]]:
    return await rig.database["ss_jobs"].find({"kind": "poll"}).to_list()


async def heard(rig: Rig, by: str = "native") -> None:
    pulse = Pulse()
    pulse.heard(PLACE, by)
    await pulse.keep(rig.database)


async def test_a_secret_is_made_where_nobody_gave_one(rig: Rig) -> None:
    await rig.connect()
    assert (await rig.run("webhooks")).state == "done"
    ((url, secret, quiet),) = rig.shop.subscribed
    assert url == f"{URL}/api/webhooks/pretend/kandy"
    assert not quiet
    assert secret.isalnum()
    kept = await rig.directory.connection("kandy", "pretend")
    assert kept is not None
    assert kept.secrets["webhook_secret"] == secret
    await rig.run("webhooks")
    assert rig.shop.subscribed[1][1] == secret


async def test_nobody_is_asked_to_tell_us_what_cannot_arrive(rig: Rig) -> None:
    webhooks.register(rig.runner, "")
    await rig.connect()
    await rig.run("webhooks")
    assert rig.shop.subscribed == []
    found = await state(rig)
    assert found["state"] == "polling"
    assert "SMARTSTORE_PUBLIC_URL" in found["reason"]
    await heard(rig)
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "active"  # somebody made them by hand


async def test_they_are_good_once_something_came(rig: Rig) -> None:
    await rig.connect()
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "verifying"
    await heard(rig)
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "active"


async def test_there_is_a_state_while_the_shop_is_asked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.connect()
    seen: list[dict[str, Any]] = []
    judge = webhooks.Desk.judge

    async def looked(desk: webhooks.Desk, *args: Any, **named: Any) -> None:
        seen.append((await channels(rig.database, "kandy"))["pretend"])
        await judge(desk, *args, **named)

    monkeypatch.setattr(webhooks.Desk, "judge", looked)
    await rig.run("webhooks")
    assert [(one["state"], one["reason"]) for one in seen] == [("verifying", webhooks.BEGUN)]


async def test_a_connection_removed_meanwhile_leaves_nothing_behind(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.connect()
    judge = webhooks.Desk.judge

    async def removed(desk: webhooks.Desk, *args: Any, **named: Any) -> None:
        await rig.database[webhooks.COLLECTION].delete_one({"_id": PLACE})
        await judge(desk, *args, **named)

    monkeypatch.setattr(webhooks.Desk, "judge", removed)
    await rig.run("webhooks")
    assert await rig.database[webhooks.COLLECTION].find_one({"_id": PLACE}) is None


async def test_a_ping_is_enough_to_know_that_the_shop_reaches_us(rig: Rig) -> None:
    await rig.connect()
    pulse = Pulse()
    pulse.pinged("kandy")
    await pulse.keep(rig.database)
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "active"


async def test_webhooks_from_which_nothing_ever_came_are_told(rig: Rig) -> None:
    await rig.connect()
    await rig.run("webhooks")
    long_ago = unix_ms() - webhooks.MADE_MS - 1
    await rig.database[webhooks.COLLECTION].update_one(
        {"_id": PLACE}, {"$set": {"madeMs": long_ago}}
    )
    await rig.run("webhooks")
    found = await state(rig)
    assert found["state"] == "unreached"
    assert f"{URL}/api/webhooks/pretend/kandy" in found["reason"]


async def test_what_was_mended_leaves_a_gap_that_is_asked_for(rig: Rig) -> None:
    await rig.connect()
    await heard(rig)
    rig.shop.found = Subscription(HOOKS, ("order.updated was disabled",), missed=True)
    await rig.run("webhooks")
    found = await state(rig)
    assert found["mended"] == ["order.updated was disabled"]
    (poll,) = await polls(rig)
    pulse = await rig.database["ss_pulses"].find_one({"_id": PLACE})
    assert pulse is not None
    assert poll["arguments"] == {"sinceMs": pulse["lastMs"] - webhooks.SPARE_MS}


async def test_they_are_quiet_while_the_plugin_is_heard(rig: Rig) -> None:
    await rig.connect()
    rig.shop.capable = {"plugin": "1.0.0"}
    await rig.run("webhooks")
    assert rig.shop.subscribed[-1][2] is False  # it is there and has said nothing yet
    assert await rig.directory.capabilities("kandy", "pretend") == {"plugin": "1.0.0"}
    await heard(rig, by="plugin")
    await rig.run("webhooks")
    assert rig.shop.subscribed[-1][2] is True
    assert (await state(rig))["state"] == "plugin"
    rig.shop.capable = {}
    await rig.run("webhooks")
    assert rig.shop.subscribed[-1][2] is False  # taken away
    assert await rig.directory.capabilities("kandy", "pretend") == {}


async def test_a_key_that_may_not_make_them_is_told_and_polled(rig: Rig) -> None:
    await rig.connect()
    rig.shop.found = Paused("The key may not write. Give it Read/Write permission.")
    job = await rig.run("webhooks")
    assert job.state == "done"
    found = await state(rig)
    assert found["state"] == "polling"
    assert "Read/Write" in found["reason"]


async def test_errors_in_place_of_items_make_them_anew(rig: Rig) -> None:
    await rig.connect()
    await heard(rig)
    await rig.run("webhooks")
    await rig.database["ss_pulses"].update_one(
        {"_id": PLACE}, {"$set": {"refusedMs": unix_ms() + 1}}
    )
    rig.shop.found = Subscription({"product.updated": "2:x"})
    await rig.run("webhooks")
    found = await state(rig)
    assert found["mended"] == [webhooks.OWNER_GONE]
    assert found["hooks"] == {"product|updated": "2:x"}
    assert len(await polls(rig)) == 1


async def test_a_strange_silence_is_told_and_its_gap_asked_for_once(rig: Rig) -> None:
    await rig.connect()
    await heard(rig)
    await rig.run("webhooks")
    now_ms = unix_ms()
    hour = now_ms // HOUR_MS
    busy = {str(slot): 20.0 for slot in range(WEEK)}
    rhythm = {"rates": busy, "learned": WEEK, "foldedTo": hour}
    last_ms = now_ms - HOUR_MS
    rows = rig.database[webhooks.COLLECTION]
    await rows.update_one({"_id": PLACE}, {"$set": {"rhythm": rhythm, "madeMs": last_ms - 1}})
    await rig.database["ss_pulses"].update_one({"_id": PLACE}, {"$set": {"lastMs": last_ms}})
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "silent"
    (poll,) = await polls(rig)
    assert poll["arguments"] == {"sinceMs": last_ms - webhooks.SPARE_MS}
    await rig.database["ss_jobs"].delete_many({"kind": "poll"})
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "silent"
    assert await polls(rig) == []  # asked for already; again only after as long a silence
    await heard(rig)
    await rig.run("webhooks")
    assert (await state(rig))["state"] == "active"


async def test_what_was_heard_is_learned_and_forgotten(rig: Rig) -> None:
    await rig.connect()
    hour = unix_ms() // HOUR_MS
    long_ago = hour - 2 * WEEK
    await rig.database["ss_pulses"].insert_one(
        {"_id": PLACE, "sinceMs": (hour - 3) * HOUR_MS, "lastMs": hour * HOUR_MS,
         "nativeMs": hour * HOUR_MS, "hours": {str(hour - 2): 4, str(long_ago): 9}}
    )  # fmt: skip
    await rig.run("webhooks")
    rhythm = (await state(rig))["rhythm"]
    assert rhythm["learned"] == 3
    assert rhythm["rates"][str((hour - 2) % WEEK)] == 4
    assert rhythm["rates"][str((hour - 1) % WEEK)] == 0
    pulse = await rig.database["ss_pulses"].find_one({"_id": PLACE})
    assert pulse is not None
    assert set(pulse["hours"]) == {str(hour - 2)}
