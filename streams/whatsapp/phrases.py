"""What is said to customers by itself, in English, Sinhala and Tamil."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from babel.numbers import format_currency

from streams.whatsapp.conversations import Language

LOCALES: Mapping[Language, str] = {"en": "en", "si": "si", "ta": "ta_LK"}

TEXTS: Mapping[str, Mapping[Language, str]] = {
    "menu": {
        "en": "Hello! How can we help you?",
        "si": "ආයුබෝවන්! ඔබට උදව් කළ හැක්කේ කෙසේද?",
        "ta": "வணக்கம்! உங்களுக்கு எப்படி உதவலாம்?",
    },
    "unclear": {
        "en": "Sorry, we did not understand that. Please choose:",
        "si": "සමාවන්න, එය අපට තේරුණේ නැහැ. කරුණාකර තෝරන්න:",
        "ta": "மன்னிக்கவும், அது எங்களுக்குப் புரியவில்லை. தயவுசெய்து தேர்ந்தெடுக்கவும்:",
    },
    "button": {"en": "Menu", "si": "මෙනුව", "ta": "மெனு"},
    "my order": {"en": "Where is my order?", "si": "මගේ ඇණවුම කොහෙද?", "ta": "என் ஆர்டர் எங்கே?"},
    "our products": {"en": "Our products", "si": "අපේ භාණ්ඩ", "ta": "எங்கள் பொருட்கள்"},
    "a person": {
        "en": "Talk to a person",
        "si": "කෙනෙකු සමඟ කතා කරන්න",
        "ta": "ஒருவருடன் பேச",
    },
    "person": {
        "en": "Thank you. A person will answer you here as soon as possible.",
        "si": "ස්තුතියි. අපේ කෙනෙක් හැකි ඉක්මනින් ඔබට මෙහි පිළිතුරු දෙනු ඇත.",
        "ta": "நன்றி. எங்கள் ஊழியர் ஒருவர் விரைவில் உங்களுக்கு இங்கே பதிலளிப்பார்.",
    },
    "stop": {
        "en": "You will get no more messages from us that you did not ask for. Write START to get "
        "them again.",
        "si": "ඔබ ඉල්ලා නොසිටි පණිවිඩ තවදුරටත් එවන්නේ නැහැ. නැවත ලබා ගැනීමට START ලෙස එවන්න.",
        "ta": "நீங்கள் கேட்காத செய்திகளை இனி அனுப்ப மாட்டோம். மீண்டும் பெற START என்று அனுப்பவும்.",
    },
    "start": {
        "en": "You will get our messages about your orders again. Write STOP to end them.",
        "si": "ඔබේ ඇණවුම් ගැන පණිවිඩ නැවත එවනු ලැබේ. නැවැත්වීමට STOP ලෙස එවන්න.",
        "ta": "உங்கள் ஆர்டர்கள் பற்றிய செய்திகள் மீண்டும் வரும். நிறுத்த STOP என்று அனுப்பவும்.",
    },
    "language": {
        "en": "We will write to you in English.",
        "si": "අපි ඔබට සිංහලෙන් ලියන්නෙමු.",
        "ta": "நாங்கள் உங்களுக்குத் தமிழில் எழுதுவோம்.",
    },
    "order": {
        "en": "Order {number}: {status}",
        "si": "ඇණවුම {number}: {status}",
        "ta": "ஆர்டர் {number}: {status}",
    },
    "parcel": {
        "en": "Parcel {number} ({courier})",
        "si": "පාර්සලය {number} ({courier})",
        "ta": "பார்சல் {number} ({courier})",
    },
    "no orders": {
        "en": "We find no order for this phone number. If you ordered with another number, write "
        "PERSON and we will look.",
        "si": "මෙම දුරකථන අංකයට ඇණවුමක් හමු නොවීය. වෙනත් අංකයකින් ඇණවුම් කළේ නම්, "
        "“කෙනෙක් එක්ක කතා කරන්න” ලෙස එවන්න.",
        "ta": "இந்தத் தொலைபேசி எண்ணுக்கு ஆர்டர் எதுவும் இல்லை. வேறு எண்ணில் ஆர்டர் செய்திருந்தால், "
        "“பேச வேண்டும்” என்று அனுப்பவும்.",
    },
    "not this order": {
        "en": "We find no order {number} for this phone number. Check the number, or write PERSON.",
        "si": "මෙම දුරකථන අංකයට {number} ඇණවුම හමු නොවීය. අංකය පරීක්ෂා කරන්න, නැතහොත් "
        "“කෙනෙක් එක්ක කතා කරන්න” ලෙස එවන්න.",
        "ta": "இந்தத் தொலைபேசி எண்ணுக்கு {number} என்ற ஆர்டர் இல்லை. எண்ணைச் சரிபார்க்கவும், அல்லது "
        "“பேச வேண்டும்” என்று அனுப்பவும்.",
    },
    "products": {
        "en": "This is what we have:",
        "si": "අප සතුව ඇති දේ:",
        "ta": "எங்களிடம் உள்ளவை:",
    },
    "which product": {
        "en": "What are you looking for? Write a name, such as “tea”.",
        "si": "ඔබ සොයන්නේ කුමක්ද? “තේ” වැනි නමක් ලියන්න.",
        "ta": "நீங்கள் எதைத் தேடுகிறீர்கள்? “தேயிலை” போன்ற ஒரு பெயரை எழுதவும்.",
    },
    "no products": {
        "en": "We find nothing called so. Try another word, or write PERSON.",
        "si": "එවැනි දෙයක් හමු නොවීය. වෙනත් වචනයක් උත්සාහ කරන්න, නැතහොත් “කෙනෙක් එක්ක කතා කරන්න” ලෙස එවන්න.",
        "ta": "அப்படி எதுவும் இல்லை. வேறு சொல்லை முயற்சிக்கவும், அல்லது “பேச வேண்டும்” என்று அனுப்பவும்.",
    },
    "in stock": {"en": "in stock", "si": "තොග ඇත", "ta": "கையிருப்பில் உள்ளது"},
    "few": {"en": "only {count} left", "si": "{count}ක් පමණක් ඇත", "ta": "{count} மட்டுமே உள்ளது"},
    "out of stock": {"en": "out of stock", "si": "තොග අවසන්", "ta": "கையிருப்பில் இல்லை"},
    "thanks for order": {
        "en": "Thank you! We have your order {number}.",
        "si": "ස්තුතියි! ඔබේ ඇණවුම {number} අපට ලැබුණි.",
        "ta": "நன்றி! உங்கள் ஆர்டர் {number} கிடைத்தது.",
    },
    "total": {"en": "Total: {amount}", "si": "එකතුව: {amount}", "ta": "மொத்தம்: {amount}"},
    "repriced": {
        "en": "{name}: the price is {now} today (you saw {seen}).",
        "si": "{name}: අද මිල {now} (ඔබ දුටුවේ {seen}).",
        "ta": "{name}: இன்றைய விலை {now} (நீங்கள் பார்த்தது {seen}).",
    },
    "unknown item": {
        "en": "{name}: we have to check whether we still have this, and will write to you.",
        "si": "{name}: මෙය තවම තිබේදැයි පරීක්ෂා කර අපි ඔබට ලියන්නෙමු.",
        "ta": "{name}: இது இன்னும் உள்ளதா என்று பார்த்து உங்களுக்கு எழுதுவோம்.",
    },
    "short": {
        "en": "{name}: {count} of these are out of stock. We will write to you about it.",
        "si": "{name}: මෙයින් {count}ක් තොගයේ නැත. අපි ඒ ගැන ඔබට ලියන්නෙමු.",
        "ta": "{name}: இதில் {count} கையிருப்பில் இல்லை. அதைப் பற்றி உங்களுக்கு எழுதுவோம்.",
    },
}
"""Name of a text to its words in each language."""


def say(text: str, language: Language, /, **values: object) -> str:
    """One text. Values are put in as they are."""
    return TEXTS[text][language].format(**values)


def amount_words(amount: str, currency: str, language: Language) -> str:
    """`Rs 1,899.50` in the customer's language; without a currency the bare number."""
    if not currency:
        return amount
    return format_currency(Decimal(amount), currency, locale=LOCALES[language])
