"""Small pure parts of the api."""

from __future__ import annotations

from typing import Any

import pytest

from api.checks import Check
from api.receive import Gone, read_body
from api.routes.health import overall, words
from api.status import sentence_of, state_of


def check(word: str) -> Check:
    return Check(word, "", 0.0)


@pytest.mark.parametrize(
    ("durable", "others", "expected"),
    [
        (["healthy", "healthy"], ["healthy", "paused"], "healthy"),
        (["healthy", "unhealthy"], ["healthy"], "degraded"),
        (["healthy", "healthy"], ["unhealthy"], "degraded"),
        (["unhealthy", "unhealthy"], ["healthy"], "unhealthy"),
    ],
)
def test_unhealthy_means_that_nothing_can_be_taken(
    durable: list[str], others: list[str], expected: str
) -> None:
    assert overall([check(w) for w in durable], [check(w) for w in others]) == expected


def test_couriers_have_their_own_place() -> None:
    found = words({"whatsapp": check("healthy"), "courier:aramex": check("paused")})
    assert found == {"whatsapp": "healthy", "couriers": {"aramex": "paused"}}


@pytest.mark.parametrize(
    ("known", "pending", "age_s", "conflicts", "state", "sentence"),
    [
        (True, 0, 0, 0, "synced", "Everything is in sync."),
        (True, 1, 0, 0, "syncing", "1 change is on the way."),
        (True, 1200, 2, 0, "syncing", "1,200 changes are on the way."),
        (True, 0, 0, 1, "conflict", "1 conflict needs your decision."),
        (True, 3, 125, 2, "waiting", "3 changes waiting, the oldest for 2 minutes."),
        (
            False,
            0,
            0,
            0,
            "unknown",
            "Sync is not reporting. Changes are kept and will be sent when it is back.",
        ),
    ],
)
def test_one_sentence_says_how_it_stands(
    known: bool, pending: int, age_s: float, conflicts: int, state: str, sentence: str
) -> None:
    assert state_of(known, pending, age_s, conflicts) == state
    assert sentence_of(state, pending, age_s, conflicts) == sentence


class Body:
    """Messages of a request, one by one."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)

    async def __call__(self) -> dict[str, Any]:
        return self.messages.pop(0)


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_is_read_whole() -> None:
    receive = Body(part(b"ab"), part(b""), part(b"c", more=False))
    assert await read_body({"headers": []}, receive, 3) == b"abc"


async def test_a_caller_that_hangs_up_is_not_answered() -> None:
    with pytest.raises(Gone):
        await read_body({"headers": []}, Body(part(b"ab"), {"type": "http.disconnect"}), 3)


async def test_reading_stops_soon_after_the_first_byte_too_many() -> None:
    """Not at once: a caller that still sends would see a broken connection, no answer."""
    receive = Body(part(b"ab"), part(b"cd"), part(b"poured away"), part(b"never read"))
    with pytest.raises(Exception, match="Too large"):
        await read_body({"headers": []}, receive, 3)
    assert len(receive.messages) == 1


@pytest.mark.parametrize("length", [b"4", b"x", b"-1"])
async def test_a_length_that_is_too_much_is_refused_before_the_body(length: bytes) -> None:
    receive = Body(part(b"poured away"), part(b"never read"))
    with pytest.raises(Exception, match="Too large"):
        await read_body({"headers": [(b"content-length", length)]}, receive, 3)
    assert len(receive.messages) == 1
