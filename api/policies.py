"""Rules as the api shows, checks, tries and changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from api.errors import invalid
from api.sentences import decided_sentence, foreseen_sentence
from schemas.envelope import rfc3339
from schemas.feed import ConflictLine
from schemas.policy import Brakes, Policies, Rule
from streams.conflicts.preview import KINDS, Foreseen, preview
from streams.conflicts.rows import ConflictRows, Filter
from streams.conflicts.words import Word, always
from streams.database import Database
from streams.integrations import Stale
from streams.policies import Rulebook, Version, with_rule

PREVIEW_MS = 30 * 86_400_000
MOST = 5_000
"""The newest conflicts that a preview looks at."""


@dataclass(frozen=True)
class Ruled:
    """A rule that was written, and what it would have done."""

    rule: Rule
    policies: Policies
    counts: Counter[str]

    def shape(self) -> dict[str, Any]:
        """For the answer."""
        return {
            "rule": rule_shape(self.rule),
            "version": self.policies.version,
            "effectiveFrom": rfc3339(self.policies.effective_from_ms),
            "preview": {"counts": dict(self.counts)},
        }


class PolicyDesk:
    """One organisation's at a time. Errors: problems, DirectoryError, PyMongo's own."""

    def __init__(self, database: Database, rulebook: Rulebook, clock_ms: Callable[[], int]) -> None:
        self._rows = ConflictRows(database)
        self._rulebook = rulebook
        self._clock_ms = clock_ms

    async def preview(
        self,
        organization_id: str,
        rules: Sequence[Rule],
        *,
        entity_type: str = "",
        field: str = "",
    ) -> tuple[Counter[Any], list[Foreseen], bool]:
        """What the conflicts of the last 30 days would have become: counts by kind, those that
        would go otherwise, and whether there were more than MOST."""
        wanted = Filter(
            status="",
            type=entity_type,
            field=field,
            opened_since_ms=self._clock_ms() - PREVIEW_MS,
        )
        lines, more = await self._rows.page(organization_id, wanted, "", MOST)
        counts, changed = preview(lines, rules)
        return counts, changed, bool(more)

    def check_always(self, line: ConflictLine, word: Word) -> Rule:
        """The rule that would be written. Raises 422 where the word makes none."""
        rule = always(line, word)
        if rule is None or line.brake:
            raise invalid(
                "This decision cannot become a rule.",
                "Keep one side, keep the newest, or merge; then it can be done always.",
            )
        return rule

    async def always(self, organization_id: str, rule: Rule, *, by: str) -> Ruled:
        """Add the rule to those that hold. Raises Stale where others keep changing them."""
        book = self._rulebook
        for again in (True, False):
            held = (await book.newest(organization_id)).policies
            rules = with_rule(held.rules, rule)
            try:
                saved = await book.save(organization_id, rules, expected=held.version, by=by)
                break
            except Stale:
                if not again:
                    raise
        counts, _, _ = await self.preview(
            organization_id, rules, entity_type=rule.type, field=rule.field
        )
        return Ruled(rule, saved, counts)


def rule_shape(rule: Rule) -> dict[str, str]:
    """All names, the defaults too."""
    return {
        "type": rule.type,
        "field": rule.field,
        "platform": rule.platform,
        "policy": rule.policy,
        "winner": rule.winner,
    }


def brakes_shape(brakes: Brakes) -> dict[str, float]:
    """All limits."""
    return {
        "stockShare": brakes.stock_share,
        "priceChange": brakes.price_change,
        "priceItems": brakes.price_items,
        "deletes": brakes.deletes,
        "least": brakes.least,
        "windowS": brakes.window_s,
    }


def policies_shape(policies: Policies) -> dict[str, Any]:
    """The rules as they are sent and taken."""
    effective = policies.effective_from_ms
    return {
        "version": policies.version,
        "rules": [rule_shape(rule) for rule in policies.rules],
        "brakes": brakes_shape(policies.brakes),
        "automaticAt": policies.automatic_at,
        "effectiveFrom": rfc3339(effective) if effective else None,
    }


def version_shape(version: Version) -> dict[str, Any]:
    """A version of before."""
    return {
        **policies_shape(version.policies),
        "savedAt": rfc3339(version.saved_at_ms),
        "by": version.by,
    }


def foreseen_shape(one: Foreseen) -> dict[str, Any]:
    """Then and now, beside each other."""
    line = one.line
    return {
        "id": line.id,
        "type": line.type,
        "entityId": line.entity_id,
        "field": line.field,
        "label": line.label,
        "openedAt": rfc3339(line.opened_at_ms),
        "kind": one.kind,
        "then": {
            "status": line.status,
            "value": line.value,
            "how": line.resolution,
            "by": line.by,
            "reason": decided_sentence(line) if line.status == "resolved" else "It waits for you.",
        },
        "now": {
            "status": "open" if one.how == "ask" else "resolved",
            "value": one.value,
            "how": one.how,
            "rule": rule_shape(one.rule),
            "reason": foreseen_sentence(one.how, one.value, line),
        },
        "reason": KINDS[one.kind],
    }
