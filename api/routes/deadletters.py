"""`GET /api/deadletters`, `GET /api/deadletters/{id}`, `POST /api/deadletters/{id}/retry`."""

from fastapi import APIRouter

router = APIRouter(prefix="/api/deadletters", tags=["deadletters"])
