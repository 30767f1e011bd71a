"""Labels as couriers send them: decoded, and looked at before anyone prints them. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Literal

Format = Literal["pdf", "png", "gif", "zpl"]

MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"^XA", "zpl"),
)
MEDIA_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "gif": "image/gif",
    "zpl": "text/plain",
}
MAX_LABEL_BYTES = 5_000_000


class BadLabel(ValueError):
    """What came is no label. The shipment exists all the same: never lose its number for this."""


@dataclass(frozen=True, slots=True)
class Label:
    """One document to print."""

    format: Format
    content: bytes = field(repr=False)
    piece: int | None = None
    """Which parcel of the shipment, from 1; None where the courier does not say."""
    declared: str = ""
    """The courier's own word for the format."""
    kind: str = "label"
    """Another document's own name: `waybillDoc`, `COMMERCIAL_INVOICE`."""

    @property
    def media_type(self) -> str:
        """For HTTP."""
        return MEDIA_TYPES[self.format]


def decoded(value: Any) -> bytes:
    """The bytes of base64 text, of a list of byte integers, or of bytes. Raises BadLabel."""
    try:
        if isinstance(value, bytes):
            found = value
        elif isinstance(value, str):
            found = base64.b64decode("".join(value.split()), validate=True)
        elif isinstance(value, list) and value:
            found = bytes(value)
        else:
            found = b""
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadLabel("the label does not decode") from error
    if not found:
        raise BadLabel("the label is empty")
    if len(found) > MAX_LABEL_BYTES:
        raise BadLabel(f"the label is over {MAX_LABEL_BYTES} bytes")
    return found


def label_of(
    value: Any, *, piece: int | None = None, declared: str = "", kind: str = "label"
) -> Label:
    """Raises BadLabel for what does not decode, or is no PDF, PNG, GIF or ZPL."""
    content = decoded(value)
    start = content.lstrip()[:8]
    for magic, form in MAGIC:
        if start.startswith(magic):
            return Label(form, content, piece, declared, kind)
    raise BadLabel("the label is neither PDF, PNG, GIF nor ZPL")
