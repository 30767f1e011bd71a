"""`POST /api/ws/ticket`: what opens the WebSocket, once, within half a minute."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.deps import UseCaller, UseServices, ticket_for
from api.tokens import TICKET_S

router = APIRouter(prefix="/api/ws", tags=["live"])


class Ticket(BaseModel):
    """Send it in the first message or as the subprotocol `ticket.<ticket>`, never in the URL."""

    ticket: str
    expires_in: int = Field(serialization_alias="expiresIn")
    """Seconds."""


@router.post("/ticket")
async def issue_ticket(caller: UseCaller, use: UseServices) -> Ticket:
    """A fresh ticket for the caller's organisation."""
    ticket = await use.tickets.issue(ticket_for(caller))
    return Ticket(ticket=ticket, expires_in=TICKET_S)
