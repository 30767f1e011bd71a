"""A person's data out of an entity's record."""

from __future__ import annotations

from dataclasses import replace

from connectors.protocol import Profile, TypeProfile
from schemas.codec import encode
from schemas.fields import ENTITY_TYPES
from schemas.outcome import Erase
from streams.sync.context import Context
from streams.sync.erase import MARK, erased_record, sealed
from support.engine import Engine, context

BILLING = {"firstName": "Nimal", "phone": "+94771234567", "city": "Kandy"}


def erase(engine: Engine, *ids: str) -> Erase:
    return Erase(**engine.entity, id="e1", by="test", at_ms=engine.now, ids=ids)


def order_context() -> Context:
    """A shop whose orders take a new status and nothing else."""
    base = context("order")
    fields = frozenset(ENTITY_TYPES["order"])
    shop = TypeProfile(readable=fields, writable=frozenset(("status",)))
    profiles = {**base.profiles, "woocommerce": Profile("woocommerce", {"order": shop})}
    return replace(base, profiles=profiles)


def test_platforms_are_written_to_and_nothing_tells_who_it_was() -> None:
    engine = Engine(context("customer", replicas=("mongodb",)), type="customer")
    engine.sees("mongodb", 1, name="Nimal", phone="+94771234567", tags=["vip"])
    decision = engine.take(erase(engine))
    assert engine.record.fields["name"].value == MARK
    assert engine.record.fields["phone"].value is None
    assert engine.record.fields["tags"].value == ["vip"]
    wanted = {command.replica: command.want for command in decision.commands}  # type: ignore[union-attr]
    assert wanted == {"mongodb": {"name": MARK, "phone": None}}
    assert b"Nimal" not in encode(decision.feed)
    assert b"771234567" not in encode(decision.feed)


def test_what_cannot_be_written_is_forgotten_and_amounts_stay() -> None:
    engine = Engine(order_context(), type="order")
    for replica in ("mongodb", "woocommerce"):
        engine.sees(replica, 1, total="1899.5", billing=BILLING)
    decision = engine.take(erase(engine))
    assert [command.replica for command in decision.commands] == ["mongodb"]
    assert engine.record.fields["total"].value == "1899.5"
    assert engine.record.fields["billing"].value is None
    assert b"Nimal" not in encode(engine.record.replicas["woocommerce"])
    version = engine.record.version
    engine.take(erase(engine))
    assert engine.record.version == version  # told again, nothing happens


def test_what_a_platform_still_holds_is_no_news() -> None:
    engine = Engine(order_context(), type="order")
    for replica in ("mongodb", "woocommerce"):
        engine.sees(replica, 1, total="1899.5", billing=BILLING)
    engine.take(erase(engine))
    engine.settles()
    engine.now += 60_000
    decision = engine.sees("woocommerce", 30, total="1899.5", billing=BILLING, status="shipped")
    assert engine.record.fields["billing"].value is None
    assert engine.record.fields["status"].value == "shipped"
    assert b"Nimal" not in encode(engine.record)
    assert b"Nimal" not in encode(decision.feed)
    assert erased_record(engine.record) == engine.record
    engine.now += 60_000
    engine.sees("woocommerce", 60, billing={"firstName": "Somebody", "phone": ""})
    assert engine.record.fields["billing"].value == {"firstName": "Somebody", "phone": ""}


def test_an_id_that_tells_who_it_is_gives_way_to_a_digest_and_is_known_again() -> None:
    base = context("message", replicas=("whatsapp",))
    shown = TypeProfile(readable=frozenset(ENTITY_TYPES["message"]), writable=frozenset())
    profiles = {"whatsapp": Profile("whatsapp", {"message": shown})}
    engine = Engine(replace(base, profiles=profiles), type="message")
    engine.sees("whatsapp", 1, body="It is Nimal", vendorId="wamid.A", status="delivered")
    said = engine.record.replicas["whatsapp"].external_id or ""
    engine.take(erase(engine, sealed(said)))
    assert engine.record.replicas["whatsapp"].external_id == sealed(said) != said
    version = engine.record.version
    engine.take(erase(engine, sealed(said)))
    assert engine.record.version == version
    engine.now += 60_000
    engine.sees("whatsapp", 30, vendorId="wamid.A", status="read")  # customers read old messages
    assert engine.record.fields["status"].value == "read"
    assert engine.record.replicas["whatsapp"].external_id == sealed(said)
    assert b"wamid.A" not in encode(engine.record)
    assert said.encode() not in encode(engine.record.replicas)


def test_history_keeps_the_shape() -> None:
    engine = Engine(order_context(), type="order")
    engine.sees("mongodb", 1, total="1899.5", billing=BILLING)
    found = erased_record(engine.record)
    assert found.fields["billing"].value == dict.fromkeys(BILLING, MARK)
    assert found.fields["total"] == engine.record.fields["total"]
    for text in BILLING.values():
        assert text.encode() not in encode(found)
    assert erased_record(found) == found
