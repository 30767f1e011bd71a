"""`smartstore --help`: commands by what somebody wants to do, each with its first sentence."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Begin": ("demo", "trigger", "listen", "up", "down", "status", "doctor"),
    "See and decide": ("why", "conflicts", "events", "dlq", "certificate", "link"),
    "Customers and parcels": ("whatsapp", "couriers"),
    "History": ("history", "replay", "whatif", "notebook", "archive", "erase"),
    "Operate": ("backup", "restore", "keys", "export", "sbom", "version"),
    "Prove and measure": ("test", "bench", "chaos", "faults", "screenshots"),
}
WHOLE = 200


class Sections(TyperGroup):
    """All commands; one that no section names comes last."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Section by section, in click's own way."""
        left = {name: found for name in self.list_commands(ctx) if (found := self.commands[name])}
        for title, names in SECTIONS.items():
            rows = [(name, left.pop(name).get_short_help_str(WHOLE)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)
        if left:
            with formatter.section("More"):
                formatter.write_dl(
                    [(name, found.get_short_help_str(WHOLE)) for name, found in left.items()]
                )
