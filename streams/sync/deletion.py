"""Pure: an item is gone from a platform. Deletions go everywhere that follows them, unless somebody
has changed the item without knowing, or too many go at once: then a person is asked, by a conflict
on `existence`, and the item is neither deleted nor made anew until that is answered."""

from __future__ import annotations

from schemas.fields import EXISTENCE
from schemas.observation import Edit, Seen
from streams.sync.decision import Draft
from streams.sync.owed import owed_fields
from streams.sync.record import Replica, Tombstone
from streams.sync.resolution import DELETED, KEPT

DEPENDENT = frozenset(("inventory",))
"""They live in another item and die with it: one platform alone never ends them elsewhere."""
UNASKED = DEPENDENT | {"message", "shipment"}
"""Nobody is asked about them."""


def vanished(draft: Draft, name: str, seen: Seen, *, ours: bool = False) -> None:
    """The item is gone there: a read found nothing, or a delete of ours was done."""
    replica = draft.replica(name)
    ours = ours or (replica.flight is not None and replica.flight.kind == "delete")
    was_there = replica.exists
    unseen = _unseen_there(draft, name, replica) if was_there else ""
    replica.exists = False
    replica.shadow = {}
    replica.mark = None
    replica.etag = ""
    replica.as_of = max(replica.as_of, seen.as_of)
    replica.known_at = draft.ticket()
    replica.reread = replica.again = False
    if replica.flight is not None:
        if replica.flight.kind == "delete":
            draft.tell("arrived", action="delete", replica=name)
        replica.flight = None
    if was_there:
        _lost(draft, name, unseen, ours)


def _lost(draft: Draft, name: str, unseen: str, ours: bool) -> None:
    record = draft.record
    if EXISTENCE in record.conflicts:
        _settle_if_all_gone(draft, name)
    elif record.tombstone is not None or ours:
        return  # what we did ourselves is nobody's word
    elif record.type in DEPENDENT and _living(draft):
        return
    elif record.type not in UNASKED and _living(draft) and unseen:
        ask(draft, name, draft.now_ms, unseen, record.fields[unseen].at_ms)
    elif record.type not in UNASKED and _spreads(draft) and _too_many(draft, name):
        ask(draft, name, draft.now_ms, "agreed", 0, brake="deletes")
    else:
        bury(draft, name, draft.now_ms)


def bury(draft: Draft, source: str, at_ms: int) -> None:
    """Deleted: it will be everywhere that follows deletions."""
    draft.record.tombstone = Tombstone(at_ms, source)
    draft.changed = True
    draft.tell("deleted", action="delete", source=source)


def ask(
    draft: Draft, deleter: str, at_ms: int, keeper: str, kept_at_ms: int, *, brake: str = ""
) -> None:
    """Open the question. `keeper`: a replica, or a field whose change the deleter had not seen."""
    agreed = draft.record.fields.get(keeper)
    side = keeper if agreed is None else agreed.source
    if side == deleter:
        side = "agreed"
    draft.hold(
        EXISTENCE,
        {side: KEPT, deleter: DELETED},
        {side: kept_at_ms, deleter: at_ms},
        policy="brake" if brake else "deleted and changed",
        challenger=deleter,
        brake=brake,
    )
    draft.record.tombstone = None
    draft.tell("conflict", source=deleter, fields={EXISTENCE: DELETED}, previous={EXISTENCE: KEPT})


def changed_after(draft: Draft, name: str) -> None:
    """Replica `name` still has the item and was edited, while it is being deleted elsewhere."""
    tombstone = draft.record.tombstone
    if tombstone is not None and draft.record.type not in UNASKED and tombstone.source != name:
        ask(draft, tombstone.source, tombstone.at_ms, name, draft.now_ms)


def returned(draft: Draft, name: str) -> None:
    """The item is there (again): whatever was known or asked of its end is over, unless it was
    only now seen where nobody had deleted it."""
    conflict = draft.record.conflicts.get(EXISTENCE)
    if conflict is None:
        draft.record.tombstone = None
    elif conflict.candidates.get(name) == DELETED:
        draft.release(EXISTENCE, KEPT, draft.now_ms, name, resolution="agreed", by=name)


def edited_after(draft: Draft, edit: Edit, at_ms: int) -> bool:
    """A queued event meets a deletion; whether anything is left to apply."""
    tombstone = draft.record.tombstone
    if tombstone is None:
        return True
    if (at_ms, edit.replica) <= (tombstone.at_ms, tombstone.source):
        draft.tell("refused", source=edit.replica, reason=f"deleted since by {tombstone.source}")
        return False
    if edit.action == "create":
        draft.record.tombstone = None
    elif draft.record.type not in UNASKED:
        ask(draft, tombstone.source, tombstone.at_ms, edit.replica, at_ms)
    return True


def deleted_by_edit(draft: Draft, edit: Edit, at_ms: int) -> None:
    """A queued event deletes: newer changes by others make it a question."""
    record = draft.record
    if record.tombstone is not None or EXISTENCE in record.conflicts:
        return
    newer = [
        field
        for field, agreed in record.fields.items()
        if agreed.at_ms > at_ms and agreed.source != edit.replica
    ]
    if newer and record.type not in UNASKED:
        ask(draft, edit.replica, at_ms, newer[0], record.fields[newer[0]].at_ms)
    else:
        bury(draft, edit.replica, at_ms)


def _unseen_there(draft: Draft, name: str, replica: Replica) -> str:
    """A field whose agreed value had not reached the platform yet: whoever deleted the item there
    did not know of that change. Empty for none."""
    if draft.record.type in UNASKED or (
        replica.flight is not None and replica.flight.kind == "delete"
    ):
        return ""
    profile = draft.context.type_profile(name, draft.record.type)
    for field in owed_fields(draft, profile, replica):
        agreed = draft.record.fields[field]
        if agreed.source != name and field in replica.shadow:
            return field
    return ""


def _too_many(draft: Draft, name: str) -> bool:
    return bool(draft.context.policies.brakes.deletes) and draft.alarm(name, "deletes")


def _living(draft: Draft) -> bool:
    """Whether a platform that can be read has it: one that is only written never tells its end."""
    profiles = draft.context.profiles
    return any(
        replica.exists and name in profiles and profiles[name].reads
        for name, replica in draft.record.replicas.items()
    )


def _spreads(draft: Draft) -> bool:
    """Whether a platform would have to delete it."""
    return any(
        replica.exists and draft.context.type_profile(name, draft.record.type).deletes
        for name, replica in draft.record.replicas.items()
    )


def _settle_if_all_gone(draft: Draft, name: str) -> None:
    if not _living(draft):
        draft.release(EXISTENCE, DELETED, draft.now_ms, name, resolution="agreed", by=name)
