"""What a notification says, in English, Sinhala and Tamil. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.whatsapp.messages import safe

LANGUAGES = ("en", "si", "ta")

ORDER: Mapping[str, Mapping[str, str]] = {
    "pending": {"en": "Received", "si": "ලැබී ඇත", "ta": "பெறப்பட்டது"},
    "failed": {"en": "Payment failed", "si": "ගෙවීම අසාර්ථකයි", "ta": "கட்டணம் தோல்வியடைந்தது"},
    "on-hold": {"en": "On hold", "si": "රඳවා ඇත", "ta": "நிறுத்தி வைக்கப்பட்டுள்ளது"},
    "processing": {"en": "Processing", "si": "සකස් කරමින්", "ta": "தயாராகிறது"},
    "shipped": {"en": "Shipped", "si": "යවා ඇත", "ta": "அனுப்பப்பட்டது"},
    "out-for-delivery": {
        "en": "Out for delivery", "si": "බෙදා හැරීමට පිටත්ව ඇත", "ta": "விநியோகத்திற்கு வெளியே உள்ளது",
    },
    "delivered": {"en": "Delivered", "si": "භාර දී ඇත", "ta": "ஒப்படைக்கப்பட்டது"},
    "completed": {"en": "Completed", "si": "සම්පූර්ණයි", "ta": "நிறைவடைந்தது"},
    "cancelled": {"en": "Cancelled", "si": "අවලංගු කර ඇත", "ta": "ரத்து செய்யப்பட்டது"},
    "returned": {"en": "Returned", "si": "ආපසු ලැබී ඇත", "ta": "திருப்பி அனுப்பப்பட்டது"},
    "refunded": {"en": "Refunded", "si": "මුදල් ආපසු ගෙවා ඇත", "ta": "பணம் திருப்பித் தரப்பட்டது"},
}  # fmt: skip
SHIPMENT: Mapping[str, Mapping[str, str]] = {
    "created": {"en": "Packed", "si": "ඇසුරුම් කර ඇත", "ta": "பொதி செய்யப்பட்டது"},
    "picked_up": {"en": "Picked up", "si": "කුරියර් වෙත භාර දී ඇත", "ta": "கூரியரிடம் ஒப்படைக்கப்பட்டது"},
    "in_transit": {"en": "In transit", "si": "ගමන් කරමින්", "ta": "வழியில் உள்ளது"},
    "exception": {"en": "Delayed", "si": "ප්‍රමාද වී ඇත", "ta": "தாமதமாகியுள்ளது"},
    "out_for_delivery": ORDER["out-for-delivery"],
    "delivered": ORDER["delivered"],
    "cancelled": ORDER["cancelled"],
    "returned": ORDER["returned"],
}  # fmt: skip

_GREETING = {"en": "Hello {name}! ", "si": "ආයුබෝවන් {name}! ", "ta": "வணக்கம் {name}! "}
_TEXT = {
    ("order", "en"): "Your order {number}: {status}.",
    ("order", "si"): "ඔබගේ {number} ඇණවුම: {status}.",
    ("order", "ta"): "உங்கள் ஆர்டர் {number}: {status}.",
    ("shipment", "en"): "The parcel of your order {number}: {status}. Tracking number: {tracking}.",
    ("shipment", "si"): "ඔබගේ {number} ඇණවුමේ පාර්සලය: {status}. ලුහුබැඳීමේ අංකය: {tracking}.",
    ("shipment", "ta"): "உங்கள் ஆர்டர் {number} இன் பொதி: {status}. கண்காணிப்பு எண்: {tracking}.",
}


def status_in(kind: str, status: str, language: str) -> str:
    """A status in words; one that no table has in its own, made readable."""
    found = (ORDER if kind == "order" else SHIPMENT).get(status)
    if found is None:
        return status.replace("-", " ").replace("_", " ").capitalize()
    return found.get(language) or found["en"]


def text_of(kind: str, facts: Mapping[str, str], language: str) -> str:
    """Free-form, inside the window. `facts`: status, number, name, tracking, as far as known."""
    language = language if language in LANGUAGES else "en"
    status = status_in(kind, facts.get("status", ""), language)
    form = kind if facts.get("tracking") else "order"
    said = _TEXT[form, language].format(
        number=facts.get("number", ""), status=status, tracking=facts.get("tracking", "")
    )
    said = " ".join(said.split()).replace(" :", ":")
    name = facts.get("name", "")
    return (_GREETING[language].format(name=name) if name else "") + said


def values_of(
    kind: str, facts: Mapping[str, str], names: Sequence[str], language: str
) -> tuple[str, ...]:
    """A template's values; what is not known is a dash, since Meta takes no empty one."""
    known = {**facts, "status": status_in(kind, facts.get("status", ""), language)}
    return tuple(safe(known.get(name) or "-") for name in names)
