"""Recorded exchanges with couriers, and what is needed to run them through a courier."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from connectors.couriers.model import Tracked
from connectors.couriers.protocol import Context, Courier, Request
from connectors.couriers.registry import courier
from connectors.couriers.shipment import Item, Money, Parcel, Party, Shipment
from connectors.http import Reply
from connectors.protocol import Connection

FIXTURES = Path(__file__).parents[1] / "fixtures" / "couriers"
NOW_MS = 1_770_192_000_000
"""2026-02-04T08:00:00Z, the samples' day."""
SECRETS = {
    name: f"very-secret-{name}"
    for name in (
        "password", "account_pin", "api_key", "client_id", "client_secret", "track_client_id",
        "track_client_secret", "ship_client_id", "ship_client_secret", "api_token", "email",
    )
}  # fmt: skip
SETTINGS: dict[str, dict[str, str]] = {
    "aramex": {"environment": "sandbox", "username": "shop", "account_number": "A1"},
    "dhl": {"environment": "sandbox", "username": "shop", "account_number": "A1"},
    "fedex": {"environment": "sandbox", "account_number": "A1"},
    "ups": {"environment": "sandbox", "account_number": "A1"},
}
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Sample:
    """One exchange."""

    courier: str
    name: str
    document: Mapping[str, Any]

    @property
    def request(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["request"]
        return found

    @property
    def expect(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document["expect"]
        return found

    @property
    def given(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.document.get("given", {})
        return found

    @property
    def operation(self) -> str:
        """track, create, cancel, token or webhook."""
        named = str(self.document.get("operation", ""))
        if named:
            return named
        stem = self.name.rpartition("/")[2]
        if stem.startswith("oauth") or (stem == "auth_error" and self.courier == "ups"):
            return "token"
        if stem in ("cancel", "void"):
            return "cancel"
        return "create" if "create" in stem else "track"

    def reply(self) -> Reply:
        """The recorded answer."""
        return reply(self.document["response"])

    def __str__(self) -> str:
        return self.name


def reply(response: Mapping[str, Any]) -> Reply:
    body = response.get("text")
    content = json.dumps(response["json"]).encode() if body is None else body.encode()
    headers = {name.lower(): value for name, value in response.get("headers", {}).items()}
    return Reply(response["status"], headers, content)


def answering(status: int, document: Any = None, text: str = "") -> Reply:
    """An answer made up on the spot."""
    body = text.encode() if document is None else json.dumps(document).encode()
    return Reply(status, {"content-type": "application/json"}, body)


def samples() -> list[Sample]:
    """All of them."""
    found = []
    for path in sorted(FIXTURES.rglob("*.json")):
        document = json.loads(path.read_text())
        courier = document.get("profile", path.parent.name)
        found.append(Sample(courier, f"{path.parent.name}/{path.stem}", document))
    return found


def connection(courier: str, sample: Sample | None = None, **settings: str) -> Connection:
    """With credentials that are easy to find where they should not be."""
    given = sample.given if sample else {}
    chosen = {"courier": courier, **SETTINGS.get(courier, {}), **given.get("setting", {})}
    secrets = {**SECRETS, **given.get("secret", {})} if given else dict(SECRETS)
    if courier == "dhl" and sample and "mydhl" in sample.name:
        chosen["tracking"] = "mydhl"
    if courier not in SETTINGS:
        chosen.setdefault("base_url", settings.pop("base_url", ""))
    return Connection("c1", "org", "courier", f"courier:{courier}", {**chosen, **settings}, secrets)


def context(sample: Sample) -> Context:
    """The clock and ids of the sample."""
    sent = sample.request.get("headers", {})
    ours = ("x-customer-transaction-id", "transId", "Message-Reference")
    message_id = next((sent[name] for name in ours if name in sent), "id-1")
    return Context(NOW_MS, message_id, sample.given.get("token", "very-secret-token"))


_FILLED = re.compile(r"\{(base64\()?(\w+)(?::(\w+))?\)?\}")


def expected_request(sample: Sample, held: Connection) -> dict[str, Any]:
    """The recorded request with this connection's credentials in it."""
    known = {**held.settings, **held.secrets, "access_token": "very-secret-token"}
    known["dhl_api_key"] = known.get("api_key", "")
    if sample.courier == "fedex":
        known |= {name: known[f"track_{name}"] for name in ("client_id", "client_secret")}

    def put(found: re.Match[str]) -> str:
        if not found[1]:
            return str(known[found[2]])
        return base64.b64encode(f"{known[found[2]]}:{known[found[3]]}".encode()).decode()

    text = _FILLED.sub(put, json.dumps(dict(sample.request)))
    found: dict[str, Any] = json.loads(text)
    return found


def as_sent(request: Request) -> dict[str, Any]:
    """A request of ours in the samples' form."""
    found: dict[str, Any] = {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
    }
    if request.query:
        found["query"] = dict(request.query)
    if request.json is not None:
        found["json"] = json.loads(_ENCODER.encode(request.json))
    if request.form is not None:
        found["form"] = dict(request.form)
    return found


SENDER = Party(
    name="Ruwan Silva", company="Lanka Crafts", phone="+94112345678", line1="42 Galle Road",
    line2="Kollupitiya", city="Colombo", postcode="00300", email="dispatch@lankacrafts.example",
)  # fmt: skip
KANDY = Party(
    name="Nimali Perera", phone="+94771234567", line1="18 Temple Street", city="Kandy",
    postcode="20000", email="nimali@example.com",
)  # fmt: skip
KATUKELE = Party(
    name="Kasun Fernando", phone="+94712345678", line1="7 Peradeniya Road", line2="Katukele",
    city="", postcode="20000", email="kasun@example.com",
)  # fmt: skip
SINGAPORE = Party(
    name="Tan Wei Ling", company="Tan Trading", phone="+6561234567", line1="5 Orchard Turn",
    city="Singapore", postcode="238801", country="SG", email="weiling@example.com",
)  # fmt: skip


def parcel(weight: str, length: int = 30, description: str = "") -> Parcel:
    return Parcel(
        weight_kg=Decimal(weight), length_cm=Decimal(length), width_cm=Decimal(20),
        height_cm=Decimal(10), description=description,
    )  # fmt: skip


def domestic(reference: str = "SO-1042", receiver: Party = KANDY, **more: Any) -> Shipment:
    """Colombo to Kandy, LKR 4500 on delivery."""
    return Shipment(
        **{
            "reference": reference,
            "sender": SENDER,
            "receiver": receiver,
            "parcels": (parcel("1.2"),),
            "description": "Handloom bag",
            "ship_at_ms": 1_770_179_400_000,
            "due_at_ms": 1_770_381_000_000,
            "cod": Money(Decimal(4500), "LKR"),
            **more,
        }
    )


def abroad(reference: str, receiver: Party = SINGAPORE, **more: Any) -> Shipment:
    """Colombo to Singapore, five bags in two parcels, LKR 45000."""
    return Shipment(
        **{
            "reference": reference,
            "sender": SENDER,
            "receiver": receiver,
            "parcels": (parcel("1.2"), parcel("0.8", 20)),
            "description": "Handloom bags",
            "ship_at_ms": 1_770_201_000_000,
            "declared": Money(Decimal(45000), "LKR"),
            "items": (
                Item(
                    description="Handloom cotton bag", quantity=5, unit_price=Decimal(9000),
                    weight_kg=Decimal("2.0"), net_weight_kg=Decimal("1.8"), hs_code="4202.22",
                ),
            ),
            "invoice": "INV-1050",
            **more,
        }
    )  # fmt: skip


def given_shipment(given: Mapping[str, Any]) -> Shipment:
    """What a profile's sample is filled with."""
    people = {}
    for side in ("sender", "receiver"):
        known = {name: value for name, value in given[side].items() if name != "address"}
        people[side] = Party(**known)
    box, cod = given["parcel"], given["cod"]
    return domestic(
        given["reference"],
        **people,
        parcels=(Parcel(weight_kg=Decimal(str(box["weight_kg"]))),),
        description=box["description"],
        note=box["note"],
        cod=Money(Decimal(str(cod["amount"])).normalize(), cod["currency"]),
        preallocated_number=given.get("preallocated_number", ""),
        lookup=given.get("lookup", {}),
    )


def of(*operations: str) -> list[Sample]:
    return [one for one in samples() if one.operation in operations]


def opened(sample: Sample, **settings: str) -> tuple[Courier[Any], Any, Connection]:
    """(courier, account, connection)"""
    found = courier(sample.courier)
    if sample.name == "aramex/create_batch_partial":
        settings["label_report"] = "RPT"
    held = connection(sample.courier, sample, **settings)
    return found, found.account(held), held


def asked(sample: Sample) -> list[str]:
    """The numbers a tracking sample asks for."""
    request = sample.request
    if "number" in sample.given:
        return [sample.given["number"]]
    body, query = request.get("json", {}), request.get("query", {})
    if "trackingInfo" in body:
        return [one["trackingNumberInfo"]["trackingNumber"] for one in body["trackingInfo"]]
    if "Shipments" in body:
        return list(body["Shipments"])
    if "trackingNumber" in query:
        return [query["trackingNumber"]]
    parts = request["url"].split("/")
    return [parts[-2] if parts[-1] == "tracking" else parts[-1]]


def tracked_by(sample: Sample, answer: Reply) -> tuple[Tracked, ...]:
    found, account, _ = opened(sample)
    return found.track_response(account, asked(sample), answer, context(sample)).found
