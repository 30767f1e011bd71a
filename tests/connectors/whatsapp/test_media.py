"""Files from the sandbox's Graph API: checked, limited, and the token kept from strangers."""

from __future__ import annotations

import base64
import re
from typing import Any

import httpx
import pytest

from connectors.errors import ConnectorError, Refused, Retry
from connectors.whatsapp.media import MediaClient, TooLarge, check_digest, check_host
from connectors.whatsapp.settings import account_of
from tests.connectors.whatsapp.conftest import NUMBER, Bench, connection

PICTURE = b"\x89PNG not really" * 50
BASE = "https://sandbox.test/v25.0"


async def sent(bench: Bench, content: bytes = PICTURE, **more: Any) -> dict[str, str]:
    media = {"content": base64.b64encode(content).decode(), "mime_type": "image/png", **more}
    document = await bench.control.customer_writes(NUMBER, "94771234567", media=media)
    held: dict[str, str] = document["entry"][0]["changes"][0]["value"]["messages"][0]["image"]
    return held


def opened(bench: Bench) -> MediaClient:
    return MediaClient(account_of(connection()), bench.transport)


async def test_a_picture_is_fetched_and_is_the_one_that_was_sent(bench: Bench) -> None:
    held = await sent(bench)
    client = opened(bench)
    found = await client.fetch(held["id"], 10_000, held["sha256"])
    assert found.content == PICTURE
    assert found.mime_type == "image/png"
    assert re.fullmatch(r"[0-9a-f]{64}", found.sha256)
    with pytest.raises(Refused, match="SHA-256"):
        await client.fetch(held["id"], 10_000, "b3RoZXI=")
    with pytest.raises(TooLarge):
        await client.fetch(held["id"], 100)
    with pytest.raises(Refused):
        await client.fetch("1234567", 100)  # nobody sent it
    with pytest.raises(Refused):
        await client.fetch("../1/messages", 100)
    await client.close()


async def test_a_file_that_says_it_is_small_is_cut_off_all_the_same() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "content" in request.url.path:
            return httpx.Response(200, content=b"x" * 5000)
        return httpx.Response(200, json={"url": f"{BASE}/1/content", "file_size": 10})

    client = MediaClient(account_of(connection()), httpx.MockTransport(answer))
    with pytest.raises(TooLarge):
        await client.fetch("1", 1000)
    await client.close()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/file",
        "http://lookaside.fbsbx.com/file",
        "https://lookaside.fbsbx.com.evil.example/file",
        "https://lookaside.fbsbx.com@evil.example/file",
        "https://lookaside.fbsbx.com:8443/file",
        "http://sandbox.test/v25.0/file",
        "file:///etc/passwd",
        "",
        "https://[",
    ],
)
async def test_the_token_goes_to_metas_hosts_only(url: str) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, json={"url": url})

    client = MediaClient(account_of(connection()), httpx.MockTransport(answer))
    with pytest.raises(Refused):
        await client.fetch("1", 1000)
    assert asked == ["sandbox.test"]
    await client.close()


def test_hosts_and_digests_that_are_right() -> None:
    check_host("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", BASE)
    check_host(f"{BASE}/1/content/k", BASE)
    check_digest(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    check_digest(b"abc", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")


async def test_an_address_that_has_run_out_is_asked_for_again(bench: Bench) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if "content" in request.url.path:
            return httpx.Response(404)
        return httpx.Response(200, json={"url": f"{BASE}/1/content"})

    client = MediaClient(account_of(connection()), httpx.MockTransport(answer))
    with pytest.raises(Retry):
        await client.fetch("1", 1000)
    await client.close()
    held = await sent(bench)
    await bench.control.change_number(NUMBER, access_token="another")
    client = opened(bench)
    with pytest.raises(ConnectorError) as caught:
        await client.fetch(held["id"], 1000)
    assert "sandbox-token-1" not in str(caught.value)
    await client.close()
