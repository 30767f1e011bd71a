"""Requests that work as they stand, by the name of the operation's function."""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "queue_event": {
        "id": "evt-1",
        "type": "inventory",
        "action": "update",
        "source": "web",
        "data": {"sku": "TEA-BOPF-400", "delta": -2},
        "timestamp": "2026-11-22T10:30:00+05:30",
        "organizationId": "default",
    },
    "force": {"type": "product", "entityId": "66f1a2b3c4d5e6f708192a3b"},
    "resolve_conflict": {"resolution": "local", "version": 7},
    "resolve_many": {"resolution": "newest", "filter": {"type": "product", "field": "price"}},
    "undo_action": {"actionId": "0f2c9a4be1d34c55"},
    "create_integration": {
        "platform": "woocommerce",
        "settings": {"site_url": "https://shop.example.lk", "currency": "LKR"},
        "secrets": {"consumer_key": "ck_1f4e", "consumer_secret": "cs_9a72"},
    },
    "change_integration": {"settings": {"currency": "LKR"}},
    "confirm": {"winner": "newest"},
    "merge": {"type": "product", "keep": "66f1a2b3", "drop": "66f1a2b4"},
    "split": {"type": "product", "entityId": "66f1a2b3", "replica": "whatsapp"},
    "put_policies": {
        "version": 3,
        "rules": [{"type": "product", "field": "price", "platform": "*", "policy": "manual"}],
    },
    "preview_policies": {"rules": [{"field": "price", "policy": "local"}]},
    "add_courier": {
        "name": "Aramex",
        "code": "aramex",
        "apiKey": "your-api-key",
        "apiSecret": "your-api-secret",
        "baseUrl": "https://ws.aramex.net/",
        "isActive": True,
        "organizationId": "default",
    },
    "ship_now": {
        "pickupAddress": {
            "name": "John Doe",
            "phone": "+94123456789",
            "address": "123 Main St",
            "city": "Colombo",
            "postalCode": "10000",
        },
        "deliveryAddress": {
            "name": "Jane Smith",
            "phone": "+94123456790",
            "address": "456 Oak Ave",
            "city": "Kandy",
            "postalCode": "20000",
        },
        "package": {
            "weight": 2.5,
            "length": 30,
            "width": 20,
            "height": 15,
            "description": "Electronics package",
        },
        "orderId": "ORD-123",
        "organizationId": "default",
        "courierCode": "aramex",
    },
}
