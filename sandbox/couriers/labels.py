"""Small documents that really open: a PDF and a ZPL label with the number on it, and a GIF."""

import base64
from typing import Any

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def pdf(text: str) -> bytes:
    """One page of 4 by 6 inches with one line."""
    drawn = f"BT /F1 14 Tf 24 380 Td ({text}) Tj ET".encode("latin-1", "replace")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 288 432]/Resources<</Font<</F1 5 0 R>>>>"
        b"/Contents 4 0 R>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    document, places = b"%PDF-1.4\n", []
    for place, held in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (place, held)
    table = b"".join(b"%010d 00000 n \n" % one for one in places)
    start = len(document)
    return document + (
        b"xref\n0 6\n0000000000 65535 f \n%s"
        b"trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (table, start)
    )


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def of_format(form: str, text: str) -> bytes:
    """`PDF`, `GIF` or `ZPL`."""
    if form == "ZPL":
        return f"^XA^FO50,50^FD{text}^FS^XZ".encode()
    return pdf(text) if form == "PDF" else GIF


def aramex_bytes(content: bytes) -> list[Any]:
    """A list of integers, as .NET writes a byte array."""
    return list(content)
