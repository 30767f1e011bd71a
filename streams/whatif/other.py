"""Decisions made again by another checkout's code: run as a script, with that checkout's folder and
ours as arguments. It speaks lines of JSON: for each line in, one line out.

In: {"before": record, "arrival": {...}, "what": "Observation", "context": ContextWire, "now": ms,
"epoch": n, "lags": {...}, "braked": [[replica, kind]]}. Out: {"outline": {...}} or {"error": text}.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Until standard input ends."""
    theirs, ours = sys.argv[1], Path(sys.argv[2])
    sys.path[:] = [theirs, *(entry for entry in sys.path if entry not in ("", str(ours.parent)))]
    outline = _outline(ours / "outline.py")
    engine = Engine()
    for line in sys.stdin:
        try:
            told = {"outline": outline(engine.decide(json.loads(line)))}
        except Exception as error:  # theirs may fail in any way; it is said, and the next is asked
            told = {"error": f"{type(error).__name__}: {error}"[:300]}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    return 0


def _outline(path: Path) -> Any:
    """How results are told, by our own words."""
    spec = importlib.util.spec_from_file_location("smartstore_outline", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.outline


class Engine:
    """The other checkout's `decide`."""

    def __init__(self) -> None:
        import msgspec

        import connectors.registry
        import schemas.observation
        import schemas.outcome
        import schemas.policy
        import streams.sync.brakes
        import streams.sync.decide
        import streams.sync.record
        from connectors.protocol import Connection
        from streams.sync.context import Context

        self._msgspec: Any = msgspec
        self._connector: Any = connectors.registry.connector
        self._connection: Any = Connection
        self._context: Any = Context
        self._policies: Any = schemas.policy.Policies
        self._brakes: Any = streams.sync.brakes
        self._decide: Any = streams.sync.decide
        self._record: Any = streams.sync.record.Record
        self._kinds: dict[str, Any] = {
            name: found
            for module in (schemas.observation, schemas.outcome)
            for name, found in vars(module).items()
            if isinstance(found, type)
        }
        self._made: dict[str, Any] = {}

    def decide(self, asked: dict[str, Any]) -> Any:
        """One decision."""
        record = self._msgspec.convert(asked["before"], self._record)
        context = dataclasses.replace(
            self._context_of(asked["context"]),
            epoch=asked["epoch"],
            lags=asked["lags"],
            braked=frozenset((replica, kind) for replica, kind in asked["braked"]),
        )
        return self._decide.decide(record, self._arrival(asked), context, asked["now"])

    def _arrival(self, asked: dict[str, Any]) -> Any:
        what = asked["what"]
        if what == "Tick":
            return self._decide.Tick()
        if what == "Recall":
            alarm = self._msgspec.convert(asked["arrival"]["alarm"], self._brakes.Alarm)
            return self._brakes.Recall(alarm)
        return self._msgspec.convert(asked["arrival"], self._kinds[what])

    def _context_of(self, wire: dict[str, Any]) -> Any:
        name = json.dumps(wire, sort_keys=True)
        if name in self._made:
            return self._made[name]
        profiles, announced, writable, first_sync = {}, {}, set(), {}
        for one in wire.get("connections", ()):
            replica, settings = one["replica"], one.get("settings", {})
            active, confirmed = one.get("active", True), one.get("confirmed", True)
            connection = self._connection(
                id=replica,
                organization_id=wire["organizationId"],
                platform=one["platform"],
                replica=replica,
                settings=settings,
            )
            connector = self._connector(one["platform"])
            profiles[replica] = connector.profile(connection, one.get("capabilities", {}))
            first_sync[replica] = one.get("firstSync", "newest")
            if active and confirmed:
                writable.add(replica)
                if statuses := settings.get("order_statuses", ""):
                    announced[replica] = frozenset(s.strip() for s in statuses.split(","))
        self._made[name] = self._context(
            profiles=profiles,
            writable=frozenset(writable),
            policies=self._msgspec.convert(wire.get("policies", {}), self._policies),
            announced=announced,
            first_sync=first_sync,
        )
        return self._made[name]


if __name__ == "__main__":
    raise SystemExit(main())
