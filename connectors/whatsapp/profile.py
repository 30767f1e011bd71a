"""What a number and its catalogue can hold (DESIGN: rule 10). Pure."""

from __future__ import annotations

from connectors.protocol import Profile, TypeProfile

TYPES = {
    # The catalogue is written and never read as edits: Meta shows display texts there.
    "product": TypeProfile(
        writable=frozenset(
            ("sku", "name", "description", "price", "salePrice", "status", "images")
        ),
        initial=frozenset(("shortDescription", "productType")),
        creates=True,
        deletes=True,
        required=frozenset(("sku", "name", "price")),
    ),
    "variation": TypeProfile(
        writable=frozenset(("sku", "price", "salePrice", "image")),
        initial=frozenset(("attributes", "parentId")),
        creates=True,
        deletes=True,
        required=frozenset(("sku", "price")),
    ),
    "inventory": TypeProfile(
        writable=frozenset(("quantity",)),
        initial=frozenset(("sku",)),
        creates=True,
        required=frozenset(("quantity",)),
    ),
    "order": TypeProfile(
        readable=frozenset(
            ("number", "status", "placedOn", "items", "subtotal", "total", "currency", "billing",
             "shipping", "note", "createdAt", "cart")
        ),
    ),
    "message": TypeProfile(
        readable=frozenset(
            ("conversationId", "platform", "direction", "type", "body", "media", "status",
             "vendorId", "sentAt", "senderId", "senderName", "context", "editedAt", "revokedAt")
        ),
    ),
}  # fmt: skip

PROFILE = Profile(platform="whatsapp", types=TYPES, compares=False, reads=False)
PROFILE_WITHOUT_CATALOGUE = Profile(
    platform="whatsapp",
    types={name: TYPES[name] for name in ("order", "message")},
    compares=False,
    reads=False,
)
