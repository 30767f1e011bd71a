"""What a killed process leaves behind of a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.whatsapp.messages import message_of
from streams.effects.calls import Calls
from streams.effects.ledger import Ledger
from streams.whatsapp.dispatch import command_of
from tests.streams.whatsapp.rig import TO, Rig

pytestmark = pytest.mark.servers


async def test_what_a_killed_process_had_not_begun_is_sent_by_the_next(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.writes()
    await rig.answer(key="warm")
    killed, living = Calls(tmp_path), Calls(tmp_path)
    ledger = Ledger(rig.database, killed)
    for key in ("cut", "begun"):
        row = await rig.sends.want(
            "org", key, replica="whatsapp", to=TO, purpose="answer", kind="text",
            message=message_of("text", key),
        )  # fmt: skip
        await rig.sends.change(row, sent={"template": ""})
        entry = await ledger.claim(command_of(row, rig.clock()), rig.clock())
    ledger.begin(command_of(row, rig.clock()), entry)
    rig.sending = rig.new_sending(living)
    assert (await rig.again("cut")).result == "retry"  # its process may be about to
    killed.close()
    rig.clock.now_ms += 62_000
    assert (await rig.again("cut")).result == "taken"
    assert (await rig.again("begun")).result == "unknown"
    assert [one["biz_opaque_callback_data"] for one in await rig.sent()] == ["warm", "cut"]
    living.close()
