"""The rules of the protocol, one by one (ARCHITECTURE.md, "What protects it")."""

from __future__ import annotations

import pytest

from schemas.command import Create, Delete, Perform, Read, Write
from schemas.observation import FieldMark, Mark, Seen
from schemas.policy import Rule
from support.engine import Engine, context


@pytest.fixture
def product() -> Engine:
    """A product that both sides hold alike."""
    engine = Engine(context("product"))
    engine.sees("mongodb", 1, sku="T", price="100", name="Tea")
    engine.sees("woocommerce", 1, sku="T", price="100", name="Tea")
    engine.settles()
    assert engine.owed() == {}
    return engine


@pytest.fixture
def stock() -> Engine:
    """Ten pieces on both sides."""
    engine = Engine(context("inventory"), type="inventory")
    engine.sees("mongodb", 1, quantity=10)
    engine.sees("woocommerce", 1, quantity=10)
    engine.settles()
    return engine


def test_first_sight_creates_elsewhere() -> None:
    engine = Engine(context("product"))
    (command,) = engine.sees("mongodb", 1, sku="T", price="100").commands
    assert isinstance(command, Create)
    assert command.replica == "woocommerce"
    assert command.want == {"sku": "T", "price": "100"}


def test_an_edit_is_owed_to_the_other_side(product: Engine) -> None:
    (command,) = product.sees("mongodb", 12, sku="T", price="120", name="Tea").commands
    assert isinstance(command, Write)
    assert (command.replica, command.want, command.expected) == (
        "woocommerce",
        {"price": "120"},
        {"price": "100"},
    )


def test_an_echo_changes_nothing(product: Engine) -> None:
    product.sees("mongodb", 12, sku="T", price="120", name="Tea")
    flight = product.record.replicas["woocommerce"].flight
    assert flight is not None
    mark = Mark(op=flight.op, fields={"price": FieldMark(op=flight.op, value="120")})
    decision = product.sees("woocommerce", 13, mark, sku="T", price="120", name="Tea")
    assert decision.commands == []
    assert [line.kind for line in decision.feed] == ["arrived"]
    assert product.owed() == {}


def test_a_duplicate_and_a_stale_sighting_change_nothing(product: Engine) -> None:
    product.sees("mongodb", 15, sku="T", price="120", name="Tea")
    before = product.record
    assert product.sees("mongodb", 15, sku="T", price="120", name="Tea").commands == []
    assert not product.sees("mongodb", 14, sku="T", price="90", name="Tea").changed
    assert product.record is before


def test_equal_time_and_other_content_is_read_again(product: Engine) -> None:
    (command,) = product.sees("woocommerce", 12, sku="T", price="1", name="Tea").commands
    product.settles()
    decision = product.sees("woocommerce", 12, sku="T", price="2", name="Tea")
    (command,) = decision.commands
    assert isinstance(command, Read)
    assert product.agreed("price") == "1"
    assert product.sees("woocommerce", 12, sku="T", price="3", name="Tea").commands == []
    seen = Seen(external_id="woocommerce-1", as_of=12, fields={"price": "3"})
    product.last.commands = [command]
    product.answers("taken", seen)
    assert product.agreed("price") == "3"


def test_different_fields_merge(product: Engine) -> None:
    product.sees("mongodb", 12, sku="T", price="120", name="Tea")
    product.sees("woocommerce", 12, sku="T", price="100", name="Fine tea")
    assert (product.agreed("price"), product.agreed("name")) == ("120", "Fine tea")


def test_newest_wins_by_default(product: Engine) -> None:
    product.sees("mongodb", 12, sku="T", price="120", name="Tea")
    product.now += 10
    product.sees("woocommerce", 12, sku="T", price="130", name="Tea")
    assert product.agreed("price") == "130"


@pytest.mark.parametrize(
    ("rule", "wins"),
    [
        (Rule(policy="local"), "120"),
        (Rule(policy="remote"), "130"),
        (Rule(type="product", field="price", winner="mongodb"), "120"),
    ],
)
def test_policies_choose_a_side(rule: Rule, wins: str) -> None:
    engine = Engine(context("product", rule))
    engine.sees("mongodb", 1, sku="T", price="100")
    engine.sees("woocommerce", 1, sku="T", price="100")
    engine.settles()
    engine.sees("mongodb", 12, sku="T", price="120")
    engine.now += 10
    engine.sees("woocommerce", 12, sku="T", price="130")
    assert engine.agreed("price") == wins


def test_merge_takes_tags_from_both_sides() -> None:
    engine = Engine(context("product", Rule(field="tags", policy="merge")))
    engine.sees("mongodb", 1, sku="T", tags=["tea", "old"])
    engine.sees("woocommerce", 1, sku="T", tags=["tea", "old"])
    engine.settles()
    engine.sees("mongodb", 12, sku="T", tags=["tea", "old", "gift"])
    engine.sees("woocommerce", 12, sku="T", tags=["tea", "new"])
    assert sorted(engine.agreed("tags")) == ["gift", "new", "tea"]


class TestHeldConflict:
    """`manual`: the field waits for a person, the rest goes on."""

    @pytest.fixture
    def engine(self) -> Engine:
        engine = Engine(context("product", Rule(field="price", policy="manual")))
        engine.sees("mongodb", 1, sku="T", price="100", name="Tea")
        engine.sees("woocommerce", 1, sku="T", price="100", name="Tea")
        engine.settles()
        engine.sees("mongodb", 12, sku="T", price="120", name="Tea")
        held = {"sku": "T", "price": "130", "name": "Fine tea"}
        seen = Seen(
            external_id="woocommerce-1", as_of=12, fields=held, mark=engine.marks["woocommerce"]
        )
        engine.answers("refused", seen)
        return engine

    def test_is_owed_nowhere(self, engine: Engine) -> None:
        assert engine.record.conflicts["price"].candidates == {
            "mongodb": "120",
            "woocommerce": "130",
        }
        engine.settles()
        assert engine.owed() == {}
        assert engine.agreed("name") == "Fine tea"

    def test_resolution_reaches_the_other_side(self, engine: Engine) -> None:
        engine.settles()
        engine.resolves("remote")
        assert engine.agreed("price") == "130"
        assert engine.owed() == {"mongodb": {"price": "130"}}
        assert engine.last.conflicts[-1].status == "resolved"

    def test_manual_value_reaches_both(self, engine: Engine) -> None:
        engine.settles()
        engine.resolves("manual", "125")
        assert engine.owed() == {"mongodb": {"price": "125"}, "woocommerce": {"price": "125"}}

    def test_resolution_of_unseen_values_is_refused(self, engine: Engine) -> None:
        engine.resolves("local", mongodb="1", woocommerce="2")
        assert "price" in engine.record.conflicts
        assert engine.last.feed[-1].kind == "refused"

    def test_sides_that_come_to_agree_need_nobody(self, engine: Engine) -> None:
        engine.sees("woocommerce", 13, sku="T", price="120", name="Fine tea")
        assert engine.record.conflicts == {}


class TestStock:
    """A counter: what each side sold adds up."""

    def test_two_sales_at_once(self, stock: Engine) -> None:
        stock.sees("mongodb", 12, quantity=8)
        stock.sees("woocommerce", 12, quantity=7)
        assert stock.agreed("quantity") == 5

    def test_a_refused_write_learns_the_sale_that_came_between(self, stock: Engine) -> None:
        stock.sees("mongodb", 12, quantity=8)
        seen = Seen(external_id="woocommerce-1", as_of=12, fields={"quantity": 7})
        stock.answers("refused", seen)
        assert stock.agreed("quantity") == 5
        assert stock.owed() == {"mongodb": {"quantity": 5}, "woocommerce": {"quantity": 5}}

    @pytest.mark.parametrize("fields", [{}, {"quantity": None}])
    def test_nothing_said_of_stock_never_zeroes_it(
        self, stock: Engine, fields: dict[str, None]
    ) -> None:
        stock.sees("woocommerce", 12, **fields)
        assert stock.agreed("quantity") == 10
        assert stock.owed() == {}

    def test_zero_is_zero(self, stock: Engine) -> None:
        stock.sees("woocommerce", 12, quantity=0)
        assert stock.agreed("quantity") == 0

    def test_unequal_stock_at_first_sight_asks_a_person(self) -> None:
        engine = Engine(context("inventory", replicas=("mongodb", "woocommerce")), "inventory")
        engine.context = context("inventory", replicas=("mongodb",))
        engine.sees("mongodb", 1, quantity=10)
        engine.context = context("inventory")
        engine.sees("woocommerce", 1, quantity=7)
        assert engine.record.conflicts["quantity"].candidates == {"mongodb": 10, "woocommerce": 7}

    def test_a_repeated_edit_counts_once(self, stock: Engine) -> None:
        for _ in range(5):
            stock.edits("sale-1", deltas={"quantity": -2})
        assert stock.agreed("quantity") == 8

    def test_an_edit_too_old_to_remember_is_rejected(self, stock: Engine) -> None:
        week = 7 * 86_400_000
        decision = stock.edits("x", deltas={"quantity": -2}, timestamp_ms=stock.now - week - 1)
        assert "older than 7 days" in decision.rejected
        assert stock.agreed("quantity") == 10

    def test_a_difference_to_unknown_stock_is_rejected(self) -> None:
        engine = Engine(context("inventory"), "inventory")
        assert "not known yet" in engine.edits("x", deltas={"quantity": -2}).rejected


class TestDeletion:
    """A notice is a reason to read, never a fact."""

    def test_notice_then_read_then_deleted_everywhere(self, product: Engine) -> None:
        (read,) = product.gone("mongodb").commands
        assert isinstance(read, Read)
        (delete,) = product.answers("missing").commands
        assert isinstance(delete, Delete)
        assert delete.replica == "woocommerce"
        product.answers("taken")
        assert product.record.tombstone is not None
        assert product.last.commands == []

    def test_an_unknown_id_is_nobodys(self, product: Engine) -> None:
        product.record.replicas["mongodb"].external_id = "another"
        assert product.gone("mongodb").commands == []

    def test_a_late_sighting_does_not_resurrect(self, product: Engine) -> None:
        product.gone("mongodb")
        product.answers("missing")
        product.answers("taken")
        (read,) = product.sees("woocommerce", 19, sku="T", price="100", name="Tea").commands
        assert isinstance(read, Read)
        product.answers("missing")
        assert product.record.tombstone is not None


class TestSending:
    """Level-triggered: what is owed is sent until it has arrived."""

    def test_an_unanswered_write_goes_out_again(self, product: Engine) -> None:
        (first,) = product.sees("mongodb", 12, sku="T", price="120", name="Tea").commands
        assert product.ticks(1_000).commands == []
        (again,) = product.ticks(15_000).commands
        assert isinstance(first, Write)
        assert isinstance(again, Write)
        assert again.op == first.op

    def test_a_new_owner_sends_at_once(self, product: Engine) -> None:
        (first,) = product.sees("mongodb", 12, sku="T", price="120", name="Tea").commands
        product.context = context("product")
        object.__setattr__(product.context, "epoch", 7)
        (again,) = product.ticks(1).commands
        assert isinstance(first, Write)
        assert isinstance(again, Write)
        assert (again.op, again.epoch) == (first.op, 7)

    def test_later_means_later(self, product: Engine) -> None:
        product.sees("mongodb", 12, sku="T", price="120", name="Tea")
        product.answers("retry", retry_at_ms=product.now + 60_000)
        assert product.ticks(59_000).commands == []
        assert len(product.ticks(2_000).commands) == 1

    def test_refused_values_are_not_sent_again_until_they_change(self, product: Engine) -> None:
        product.sees("mongodb", 12, sku="T", price="-1", name="Tea")
        decision = product.answers("failed", reason="invalid_price")
        assert "invalid_price" in decision.rejected
        assert product.ticks(3_600_000).commands == []
        assert len(product.sees("mongodb", 13, sku="T", price="1", name="Tea").commands) == 1

    def test_retrying_the_dead_letter_of_a_refusal_sends_again(self, product: Engine) -> None:
        product.sees("mongodb", 12, sku="T", price="-1", name="Tea")
        refused = product.last.commands[0]
        assert isinstance(refused, Write)
        product.answers("failed", reason="invalid_price")
        product.last.commands = [refused]
        (again,) = product.answers("failed", reason="invalid_price").commands
        assert isinstance(again, Write)
        assert again.want == {"price": "-1"}

    def test_force_sync_reads_every_replica(self, product: Engine) -> None:
        commands = product.forced().commands
        assert sorted(command.replica for command in commands) == ["mongodb", "woocommerce"]
        assert all(isinstance(command, Read) for command in commands)

    def test_what_an_item_cannot_hold_is_not_owed(self, stock: Engine) -> None:
        replica = stock.record.replicas["woocommerce"]
        replica.masked = ("quantity",)
        assert stock.sees("mongodb", 12, quantity=4).commands == []

    def test_operations_rise_above_a_foreign_mark(self, product: Engine) -> None:
        mark = Mark(op=(900, 3))
        product.sees("woocommerce", 12, mark, sku="T", price="100", name="Tea")
        (command,) = product.sees("mongodb", 12, sku="T", price="120", name="Tea").commands
        assert isinstance(command, Write)
        assert command.op > (900, 3)
        assert command.after == (900, 3)


class TestOrders:
    """Status moves forward only, and its news goes to the customer once."""

    @pytest.fixture
    def engine(self) -> Engine:
        engine = Engine(
            context("order", announced={"whatsapp": frozenset({"shipped"})}), type="order"
        )
        engine.sees(
            "mongodb", 1, status="processing", number="7", billing={"phone": "+94771234567"}
        )
        return engine

    def test_never_backwards(self, engine: Engine) -> None:
        engine.sees("mongodb", 12, status="shipped")
        engine.sees("mongodb", 13, status="pending")
        assert engine.agreed("status") == "shipped"

    def test_an_unlisted_status_changes_nothing(self, engine: Engine) -> None:
        engine.sees("mongodb", 12, status="awaiting-moon")
        assert engine.agreed("status") == "processing"

    def test_announced_once_under_its_business_key(self, engine: Engine) -> None:
        decision = engine.sees("mongodb", 12, status="shipped")
        effects = [command for command in decision.commands if isinstance(command, Perform)]
        assert [effect.effect_key for effect in effects] == ["o:order_status:e:shipped"]
        assert effects[0].arguments["to"] == "+94771234567"
        assert not any(isinstance(c, Perform) for c in engine.ticks(1_000).commands)


def test_a_rewriting_shop_is_not_editing(product: Engine) -> None:
    """The shop stores our text in its own spelling; its answer says so, and that is all."""
    product.sees("mongodb", 12, sku="T", price="100", name="Green tea")
    flight = product.record.replicas["woocommerce"].flight
    assert flight is not None
    mark = FieldMark(op=flight.op, value="GREEN TEA", wanted="Green tea")
    seen = Seen(
        external_id="woocommerce-1",
        as_of=13,
        fields={"name": "GREEN TEA"},
        mark=Mark(op=flight.op, fields={"name": mark}),
    )
    product.answers("taken", seen)
    assert product.agreed("name") == "Green tea"
    assert product.owed() == {}


def test_what_was_asked_is_known_better_than_a_mark_reads_it_back() -> None:
    """The app has `false`, the shop knows `no`, `notify` and `yes`: its mark reads back "no". Owed
    for ever, that was written forty times a second."""
    engine = Engine(context("inventory", replicas=("mongodb", "woocommerce")), type="inventory")
    engine.sees("woocommerce", 1, quantity=5, backorders="yes")
    engine.sees("mongodb", 2, quantity=5, backorders="yes")
    engine.sees("mongodb", 12, quantity=5, backorders=False)
    flight = engine.record.replicas["woocommerce"].flight
    assert flight is not None
    assert flight.want == {"backorders": False}
    mark = FieldMark(op=flight.op, value="no", wanted="no")
    seen = Seen(
        external_id="woocommerce-1",
        as_of=13,
        fields={"quantity": 5, "backorders": "no"},
        mark=Mark(op=flight.op, fields={"backorders": mark}),
    )
    engine.answers("taken", seen)
    assert engine.agreed("backorders") is False
    assert "woocommerce" not in engine.owed()


def test_the_record_given_stays_as_it_was(product: Engine) -> None:
    before = product.record
    product.sees("mongodb", 12, sku="T", price="120", name="Tea")
    assert before.fields["price"].value == "100"
    assert before.replicas["mongodb"].as_of != 2
