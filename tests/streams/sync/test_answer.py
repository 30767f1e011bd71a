"""What a platform's answers do to a record."""

from __future__ import annotations

from connectors.protocol import Profile, TypeProfile
from schemas.command import Create, Delete
from schemas.observation import Observation, Seen
from schemas.outcome import Outcome
from streams.sync.context import Context
from streams.sync.decide import decide, new_record

QUANTITY = frozenset(("quantity",))
STOCK = TypeProfile(readable=QUANTITY, writable=QUANTITY, creates=True, deletes=True)
CONTEXT = Context(
    profiles={name: Profile(name, {"inventory": STOCK}) for name in ("mongodb", "woocommerce")},
    writable=frozenset(("mongodb", "woocommerce")),
    epoch=1,
)
ENTITY = {"organization_id": "a", "type": "inventory", "entity_id": "p1"}


def seen(replica: str, external_id: str) -> Observation:
    held = Seen(external_id=external_id, fields={"quantity": 150}, as_of=1)
    return Observation(**ENTITY, id=f"{replica}1", replica=replica, seen=held, received_at_ms=1)


def test_a_creation_that_came_too_early_is_no_deletion() -> None:
    """The shop's own news of an item overtook the answer to its creation ("its product is not
    there yet"): the merchant's stock must not be deleted for it."""
    first = seen("mongodb", "p1")
    asked = decide(new_record(first), first, CONTEXT, 1)
    (create,) = asked.commands
    assert isinstance(create, Create)
    pushed = decide(asked.record, seen("woocommerce", "451"), CONTEXT, 2)
    missing = Outcome(
        **ENTITY, replica="woocommerce", op=create.op, result="missing", at_ms=3, reason="no parent"
    )
    answered = decide(pushed.record, missing, CONTEXT, 3)
    assert answered.record.tombstone is None
    assert answered.record.replicas["woocommerce"].exists
    assert answered.record.replicas["woocommerce"].flight is None
    assert not [command for command in answered.commands if isinstance(command, Delete)]
