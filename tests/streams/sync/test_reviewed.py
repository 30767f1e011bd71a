"""What a reviewer found, each once a bug of the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from schemas.command import Delete, Read, Write
from schemas.observation import Seen
from schemas.policy import Rule
from support.engine import Engine, context


@pytest.fixture
def product() -> Engine:
    """A product that both sides hold alike."""
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, sku="T", price="100", name="Tea")
    engine.sees("woocommerce", 1, sku="T", price="100", name="Tea")
    engine.settles()
    return engine


def test_a_shop_that_will_not_delete_is_not_asked_without_end(product: Engine) -> None:
    product.edits("d", action="delete")
    for _ in range(2):
        for command in [c for c in product.last.commands if isinstance(c, Delete)]:
            product.last.commands = [command]
            product.answers("failed", reason="rest_trash_not_supported")
            break
    deletes = [c for c in product.last.commands if isinstance(c, Delete)]
    assert deletes == []


def test_an_item_of_ours_in_the_trash_is_not_made_without_end() -> None:
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, sku="T", price="100")
    seen = Seen(external_id="woocommerce-1", exists=False)
    decision = engine.answers("refused", seen, reason="removed")
    assert decision.commands == []
    assert "removed" in decision.rejected


def test_one_bad_value_does_not_hold_back_a_good_one(product: Engine) -> None:
    product.sees("mongodb", 12, sku="T", price="-5", name="Good tea")
    (first,) = product.answers("failed", reason="invalid").commands
    assert isinstance(first, Write)
    assert len(first.want) == 1
    sent = dict(first.want)
    for _ in range(3):
        command = product.last.commands[-1] if product.last.commands else None
        if not isinstance(command, Write):
            break
        sent |= command.want
        if "price" in command.want:
            product.answers("failed", reason="invalid")
        else:
            product.settles()
    assert sent == {"price": "-5", "name": "Good tea"}
    assert product.owed() == {}
    assert set(product.record.replicas["woocommerce"].rejected) == {"price"}


def test_deltas_count_while_a_person_is_asked() -> None:
    engine = Engine(context("inventory", replicas=("mongodb",)), "inventory")
    engine.sees("mongodb", 1, quantity=10)
    engine.context = context("inventory")
    engine.sees("woocommerce", 1, quantity=8)
    engine.edits("sold", deltas={"quantity": -3})
    engine.resolves("local")
    assert engine.agreed("quantity") == 7


def test_a_lost_deletion_on_a_plain_shop_is_sent_again(product: Engine) -> None:
    profiles = dict(product.context.profiles)
    plain = profiles["woocommerce"]
    profiles["woocommerce"] = type(plain)(plain.platform, plain.types, compares=False)
    object.__setattr__(product.context, "profiles", profiles)
    product.edits("d", action="delete")
    product.last.commands = [c for c in product.last.commands if c.replica == "woocommerce"]
    product.answers("retry")
    for _ in range(3):
        commands = product.ticks(130_000).commands
        reads = [c for c in commands if isinstance(c, Read) and c.replica == "woocommerce"]
        if reads:
            product.last.commands = reads
            held = {"sku": "T", "price": "100", "name": "Tea"}
            seen = Seen(
                external_id="woocommerce-1",
                as_of=2,
                fields=held,
                mark=product.marks.get("woocommerce"),
            )
            commands = product.answers("taken", seen).commands
        if any(isinstance(c, Delete) and c.replica == "woocommerce" for c in commands):
            return
    pytest.fail("the deletion was never sent again")


def test_the_first_edit_on_a_platform_that_rewrites_is_no_conflict() -> None:
    def wrapped(_field: str, value: Any) -> Any:
        return value if str(value).startswith("<p>") else f"<p>{value}</p>"

    engine = Engine(context("order", Rule(policy="local")), "order")
    shop = engine.context.profiles["woocommerce"]
    rewrites = replace(shop, types={"order": replace(shop.types["order"], normal=wrapped)})
    profiles = {**engine.context.profiles, "woocommerce": rewrites}
    engine.context = replace(engine.context, profiles=profiles)
    engine.sees("mongodb", 1, note="a")
    engine.sees("woocommerce", 1, note="<p>a</p>")
    engine.sees("woocommerce", 2, note="<p>b</p>")
    assert engine.agreed("note") == "<p>b</p>"
    assert engine.last.conflicts == []


def test_a_record_from_yesterday_never_takes_a_status_back() -> None:
    engine = Engine(context("order"), "order")
    engine.sees("mongodb", 1, status="processing")
    engine.sees("woocommerce", 1, status="processing")
    engine.settles()
    yesterday = engine.record
    engine.sees("mongodb", 12, status="cancelled")
    engine.settles()
    engine.record = yesterday
    engine.sees("woocommerce", 20, status="cancelled")
    assert engine.agreed("status") == "cancelled"


def test_defaults_beside_our_own_create_are_nobodys_word() -> None:
    engine = Engine(context("product"))
    create = engine.sees("mongodb", 1, name="Tea", status="archived").commands[-1]
    shop = engine.context.profiles["woocommerce"]
    seen = Seen(
        external_id="woocommerce-1",
        as_of=5,
        changed_at_ms=engine.now + 50,
        fields={"name": "Tea", "status": "archived", "featured": False, "currency": "USD"},
    )
    engine.edits("c", fields={"currency": "LKR"})
    engine.last.commands[:] = [create]
    assert "currency" in shop.types["product"].readable
    engine.answers(seen=seen)
    assert engine.agreed("currency") == "LKR"
