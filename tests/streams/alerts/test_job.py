"""From what is wrong in MongoDB to a person: a mail server and a receiver of webhooks."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from redis.asyncio import Redis
from standardwebhooks.webhooks import Webhook

from runtime.servers.certificates import make_authority
from runtime.servers.ports import free_port
from streams.alerts.channels import Channels
from streams.alerts.desk import OPERATOR, AlertDesk
from streams.alerts.evaluate import DAY_MS, MINUTE_MS
from streams.alerts.facts import Servers
from streams.alerts.job import Watching
from streams.alerts.settings import AlertEnvironment, AlertSettings
from streams.connections import DEFAULT_ORGANIZATION
from streams.database import Database
from streams.directory import Directory
from streams.kafka.lag import LagUnknown
from streams.keyring import Keyring
from streams.tokens import TokenEnd, Tokens

pytestmark = pytest.mark.servers
PASSWORD = "mail-pass-4711"


class Inbox:
    """Takes mail."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refuses = ""

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address == self.refuses:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Inbox, int]]:
    """A mail server that insists on TLS and a password."""
    issued = make_authority(tmp_path).issue("mail")
    monkeypatch.setenv("SSL_CERT_FILE", str(issued.authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    taken = Inbox()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> Any:
        return AuthResult(success=given.password == PASSWORD.encode())

    controller = Controller(
        taken,
        hostname="127.0.0.1",
        port=free_port(set()),
        tls_context=context,
        require_starttls=True,
        authenticator=check,
        auth_required=True,
    )
    controller.start()
    yield taken, controller.port
    controller.stop()


@dataclass
class Receiver:
    """Takes webhooks."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """Statuses to come; then 204."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taken = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            taken.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(taken.answers.pop(0) if taken.answers else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    taken.url = f"http://127.0.0.1:{server.server_port}/alerts"
    yield taken
    server.shutdown()
    thread.join()
    server.server_close()


class NoKafka:
    def __init__(self) -> None:
        self.waiting: dict[str, int] | None = {}

    async def by_topic(self) -> dict[str, int]:
        if self.waiting is None:
            raise LagUnknown("away")
        return self.waiting


@dataclass
class Watch:
    """The job by hand, with a clock of ours."""

    watching: Watching
    kafka: NoKafka
    desk: AlertDesk
    clock: list[int]

    async def minutes(self, count: int, organization_id: str = "kandy") -> None:
        for _ in range(count):
            self.clock[0] += MINUTE_MS
            await self.watching.look(organization_id)


@pytest.fixture
async def watch(fresh: Database, redis: Redis, kafka: Any, inbox: tuple[Inbox, int]) -> Watch:
    directory = Directory(fresh, Keyring([b"k" * 32]))
    await directory.create_organization("kandy", "Kandy Tea")
    await directory.create_organization(DEFAULT_ORGANIZATION, "Default")
    environment = AlertEnvironment.model_validate(
        {
            "SMARTSTORE_SMTP_HOST": "localhost",
            "SMARTSTORE_SMTP_PORT": inbox[1],
            "SMARTSTORE_SMTP_USERNAME": "smartstore",
            "SMARTSTORE_SMTP_PASSWORD": PASSWORD,
            "SMARTSTORE_SMTP_FROM": "alerts@example.lk",
            "SMARTSTORE_ALERT_EMAILS": "operator@example.lk",
            "SMARTSTORE_PUBLIC_URL": "https://sync.example.lk",
        }
    )
    clock, lag = [1_795_000_000_000], NoKafka()
    desk = AlertDesk(fresh, directory.keyring)
    channels = Channels(fresh, directory, kafka, environment)
    return Watch(
        Watching(desk, channels, Servers(fresh, lag, redis), lambda: clock[0]), lag, desk, clock
    )


async def low(database: Database, *names: str, left: int = 2) -> None:
    for name in names:
        for kind, more in (("inventory", {"low": left}), ("product", {"label": f"Tea {name}"})):
            row = {"organizationId": "kandy", "type": kind, "entityId": name, "sku": name, **more}
            place = {"_id": f"kandy/{kind}/{name}"}
            await database["ss_entities"].replace_one(place, {**place, **row}, upsert=True)


async def test_a_person_gets_one_mail_about_a_storm(
    watch: Watch, fresh: Database, inbox: tuple[Inbox, int]
) -> None:
    await watch.desk.save("kandy", AlertSettings(emails=("nimal@example.lk",)))
    await low(fresh, *(f"T{place}" for place in range(30)))
    await watch.minutes(8)
    (mail,) = inbox[0].mails
    assert mail["to"] == "nimal@example.lk"
    assert mail["subject"] == "Kandy Tea: Low stock: Tea T0, 2 left (and 29 more)"
    body = "\n".join(mail.get_payload().splitlines())  # type: ignore[union-attr]
    assert body.count("Order more, or take it out of sale.\nhttps://sync.example.lk/sync") == 1
    assert "and 10 more" in body
    assert len(await watch.desk.history("kandy", 100)) == 30
    await fresh["ss_entities"].delete_many({})
    await watch.minutes(12)
    assert inbox[0].mails[1]["subject"].startswith("Kandy Tea: Over: Low stock")
    assert await watch.desk.open_alerts("kandy") == []


async def test_a_webhook_is_signed_and_tried_again(
    watch: Watch, fresh: Database, receiver: Receiver
) -> None:
    settings = AlertSettings(webhook_url=receiver.url, off=("letters",), language="ta")
    secret = await watch.desk.save("kandy", settings)
    letter = {"organizationId": "kandy", "state": "parked", "atMs": watch.clock[0]}
    await fresh["ss_deadletter"].insert_one(letter)  # nobody wants to hear of those
    await low(fresh, "T1")
    receiver.answers = [500]
    await watch.minutes(5)
    assert len(receiver.got) == 2, "once more after the 500, then never again"
    (first, body), (second, again) = receiver.got
    assert first["webhook-id"] == second["webhook-id"]
    assert body == again
    told = Webhook(secret).verify(body, second)
    assert told["type"] == "alerts.changed"
    assert [one["condition"] for one in told["data"]["alerts"]] == ["stock"]
    assert "கையிருப்பு" in told["data"]["text"]
    (message,) = await watch.desk.messages("kandy", 5)
    assert [(one.state, one.attempts) for one in message.deliveries] == [("sent", 2)]


async def test_one_address_that_is_refused_holds_up_no_other(
    watch: Watch, fresh: Database, inbox: tuple[Inbox, int]
) -> None:
    inbox[0].refuses = "gone@example.lk"
    await watch.desk.save("kandy", AlertSettings(emails=("gone@example.lk", "nimal@example.lk")))
    await low(fresh, "T1")
    await watch.minutes(5)
    assert [mail["to"] for mail in inbox[0].mails] == ["nimal@example.lk"]
    (message,) = await watch.desk.messages("kandy", 5)
    assert [one.state for one in message.deliveries] == ["failed", "sent"]
    assert "550" in message.deliveries[0].reason


async def test_connections_speak_of_their_trouble_and_not_of_their_secrets(
    watch: Watch, fresh: Database
) -> None:
    directory = watch.watching.channels.directory
    for name in ("woocommerce", "whatsapp"):
        await directory.connect(
            "kandy", name, {}, {"access_token": "EAAG-secret"}, first_sync="newest"
        )
    await directory.note_trouble("kandy", "whatsapp", "the access token has expired")
    until_ms = watch.clock[0] + 60 * MINUTE_MS
    row = {"organizationId": "kandy", "untilMs": until_ms, "reason": "HTTP 503", "person": False}
    await fresh["ss_troubles"].insert_one({"_id": "kandy/woocommerce", **row})
    await watch.minutes(8)
    alerts = {alert.key: dict(alert.values) for alert in await watch.desk.history("kandy", 10)}
    assert await watch.desk.messages("kandy", 10) == [], "nobody is to be told"
    standing = {alert.key: alert for alert in await watch.desk.open_alerts("kandy")}
    assert standing["token/whatsapp"].values["reason"] == "the access token has expired"
    assert standing["breaker/woocommerce"].values == {"name": "WooCommerce", "reason": "HTTP 503"}
    assert "EAAG-secret" not in repr((alerts, standing))


async def test_the_end_of_a_token_is_told_twice_before_and_is_over_with_a_new_one(
    watch: Watch, fresh: Database, inbox: tuple[Inbox, int]
) -> None:
    directory, tokens = watch.watching.channels.directory, Tokens(fresh)
    await watch.desk.save("kandy", AlertSettings(emails=("nimal@example.lk",)))
    made = await directory.connect(
        "kandy", "whatsapp", {"phone_number_id": "1"}, {"access_token": "EAAG-old"},
        first_sync="newest",
    )  # fmt: skip
    ends_ms = 1_796_299_200_000  # 3 December 2026, 12:00: fifteen days after the clock's
    for end in (TokenEnd(None, 0, "Meta did not say"), TokenEnd(0, 1), TokenEnd(ends_ms, 2)):
        await tokens.keep(made, end)
        await watch.minutes(2)
        assert inbox[0].mails == [], "unknown, never, and not soon"
    for _ in range(17):
        watch.clock[0] += DAY_MS
        await watch.minutes(1)
    subjects = [" ".join(str(mail["subject"]).split()) for mail in inbox[0].mails]
    told = "The access token of WhatsApp ends on 3 December 2026"
    assert subjects[:2] == [f"Kandy Tea: {told}", f"Kandy Tea: Still: {told}"]
    assert "let us in: its token ended on 2026-12-03" in subjects[2], "and then it has ended"
    await directory.change("kandy", made.id, secrets={"access_token": "EAAG-new"})
    await watch.minutes(10)
    assert await watch.desk.open_alerts("kandy") == []
    assert "EAAG" not in repr([mail.as_string() for mail in inbox[0].mails])


async def test_the_operator_hears_of_the_servers(
    watch: Watch, fresh: Database, inbox: tuple[Inbox, int]
) -> None:
    watch.kafka.waiting = {"inbound": 2_000}
    for _ in range(8):
        watch.kafka.waiting["inbound"] += 500
        await watch.minutes(1, DEFAULT_ORGANIZATION)
    (mail,) = inbox[0].mails
    assert mail["to"] == "operator@example.lk"
    assert "records wait in inbound" in mail["subject"]
    watch.kafka.waiting = None
    await watch.minutes(8, DEFAULT_ORGANIZATION)
    assert "Kafka does not answer" in inbox[0].mails[1]["subject"]
    standing = {alert.key: alert.state for alert in await watch.desk.open_alerts(OPERATOR)}
    assert standing == {"lag/inbound": "raised", "server/kafka": "raised"}, "blind is not over"


async def test_staff_get_it_by_a_template_through_the_ledgers_road(
    watch: Watch, fresh: Database, kafka: Any
) -> None:
    directory = watch.watching.channels.directory
    await directory.connect(
        "kandy", "whatsapp", {"phone_number_id": "1"}, {"access_token": "t"}, first_sync="newest"
    )
    await watch.desk.save("kandy", AlertSettings(whatsapp=("+94771234567",), language="si"))
    await low(fresh, "T1")
    await watch.minutes(4)
    (row,) = await fresh["ss_sends"].find({}).to_list()
    (message,) = await watch.desk.messages("kandy", 5)
    assert row["key"] == f"api:alert:{message.id}:+94771234567", "a repeat is the same message"
    assert (row["purpose"], row["kind"]) == ("answer", "template")
    template = row["message"]["template"]
    assert (template["name"], template["language"]) == ("shop_alert", {"code": "si"})
    assert "Tea T1" in template["components"][0]["parameters"][0]["text"]
    assert [one.state for one in message.deliveries] == ["sent"]
    assert [record.topic.name for record in kafka.records] == ["commands.whatsapp"]
