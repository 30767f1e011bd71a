"""The daily question when a token ends, put to a sandbox."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from connectors.protocol import Connection
from connectors.whatsapp import CONNECTOR
from sandbox.client import SandboxClient
from streams.database import Database
from streams.directory import Directory
from streams.keyring import Keyring
from streams.links import Links
from streams.tokens import DAY_MS, TokenEnd, Tokens
from streams.upkeep.runner import Runner, Tools
from streams.whatsapp import tokens
from support.in_process import sandbox_in_process
from tests.streams.conftest import KafkaLog

pytestmark = pytest.mark.servers

ORG = "kandy"
NUMBER = "104857392017364"
END_S = int(time.time()) + 30 * 86_400


@dataclass
class Rig:
    database: Database
    directory: Directory
    control: SandboxClient
    runner: Runner
    connection: Connection

    async def look(self) -> None:
        await self.runner.jobs.queue(ORG, tokens.KIND, "whatsapp")
        while await self.runner.start_waiting():
            await self.runner.settled()

    async def known(self) -> TokenEnd | None:
        found = await Tokens(self.database).known(await self.directory.connections(ORG))
        return found.get("whatsapp")

    async def later(self, wait_ms: int) -> None:
        """As if it had been asked so much earlier."""
        known = await self.known()
        assert known is not None
        await Tokens(self.database).keep(
            self.connection, replace(known, asked_ms=known.asked_ms - wait_ms)
        )

    async def job(self) -> tuple[str, str]:
        (job,) = await self.runner.jobs.newest(ORG, kind=tokens.KIND, limit=1)
        return job.state, job.reason


@pytest.fixture
async def rig(
    fresh: Database, kafka: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Rig]:
    async with sandbox_in_process() as sandbox:
        monkeypatch.setattr(CONNECTOR, "transport", sandbox.transport)
        await sandbox.control.create_number(
            NUMBER, access_token="first-token", token_expires_at=END_S
        )
        directory = Directory(fresh, Keyring([b"k" * 32]))
        await directory.create_organization(ORG, "Kandy Tea")
        settings = {"phone_number_id": NUMBER, "base_url": "https://sandbox.test/v25.0"}
        connection = await directory.connect(
            ORG, "whatsapp", settings, {"access_token": "first-token"}, first_sync="newest"
        )
        runner = Runner(Tools(fresh, directory, kafka, Links(fresh)))
        tokens.register(runner)
        yield Rig(fresh, directory, sandbox.control, runner, connection)
        await runner.stop()


async def test_it_is_asked_once_a_day_and_of_a_new_one_at_once(rig: Rig) -> None:
    await rig.look()
    first = await rig.known()
    assert first is not None
    assert first.ends_ms == 1000 * END_S
    await rig.control.change_number(NUMBER, token_expires_at=0)
    await rig.look()
    assert await rig.known() == first, "not asked again today"
    await rig.later(DAY_MS)
    await rig.look()
    assert (await rig.known() or first).ends_ms == 0
    await rig.directory.change(ORG, rig.connection.id, secrets={"access_token": "second-token"})
    assert await rig.known() is None, "nothing is known of another token"
    await rig.control.change_number(NUMBER, access_token="second-token", token_expires_at=END_S)
    await rig.look()
    assert (await rig.known() or TokenEnd(None, 0)).ends_ms == 1000 * END_S


async def test_what_is_not_told_changes_nothing_that_is_known(rig: Rig) -> None:
    fault = {"status": 503, "html": True, "path": "debug_token"}
    await rig.control.number_faults(NUMBER, requests=[fault])
    await rig.look()
    unknown = await rig.known()
    assert unknown is not None
    assert (unknown.ends_ms, unknown.is_soon(1000 * END_S)) == (None, False)
    assert "503" in unknown.reason
    assert (await rig.job())[0] == "done", "no job that people must look at"
    await rig.look()
    assert await rig.known() == unknown, "asked again after an hour"
    await rig.later(tokens.AGAIN_MS)
    await rig.look()
    known = await rig.known()
    assert known is not None
    assert (known.ends_ms, known.reason) == (1000 * END_S, "")
    await rig.later(DAY_MS)
    await rig.control.change_number(NUMBER, token_has_role=False)
    await rig.look()
    after = await rig.known()
    assert after is not None
    assert after.ends_ms == known.ends_ms
    assert "enter the app secret" in after.reason
    dumped = repr(await rig.database["ss_capabilities"].find({}).to_list())
    assert "first-token" not in dumped


async def test_only_a_connection_that_is_used_is_asked(rig: Rig) -> None:
    paused = await rig.directory.change(ORG, rig.connection.id, active=False)
    assert not paused.active
    (_, found) = await rig.directory.connections(ORG)
    assert tokens.is_wanted(rig.connection)
    assert not tokens.is_wanted(found)
