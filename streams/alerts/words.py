"""What alerts say, in English, Sinhala and Tamil: in messages and on the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from babel.dates import format_date

from streams.alerts.conditions import PAGES
from streams.alerts.evaluate import Alert, News

Language = Literal["en", "si", "ta"]
MOST_LINES = 20
"""Of one message; the rest is counted."""
PLATFORMS = {"woocommerce": "WooCommerce", "whatsapp": "WhatsApp", "mongodb": "MongoDB"}

TITLES: Mapping[str, Mapping[Language, str]] = {
    "silent": {
        "en": "Nothing came from {name} for longer than is usual",
        "si": "{name} වෙතින් සුපුරුදු කාලයට වඩා වැඩි කාලයක් කිසිවක් ලැබුණේ නැත",
        "ta": "{name} இலிருந்து வழக்கத்தை விட நீண்ட நேரமாக எதுவும் வரவில்லை",
    },
    "token": {
        "en": "{name} does not let us in: {reason}",
        "si": "{name} අපට ඇතුළු වීමට ඉඩ නොදේ: {reason}",
        "ta": "{name} எங்களை அனுமதிக்கவில்லை: {reason}",
    },
    "token_ends": {
        "en": "The access token of {name} ends on {date}",
        "si": "{name} හි ප්‍රවේශ ටෝකනය {date} දින අවසන් වේ",
        "ta": "{name} இன் அணுகல் டோக்கன் {date} அன்று முடிவடைகிறது",
    },
    "breaker": {
        "en": "{name} does not answer: {reason}",
        "si": "{name} පිළිතුරු නොදේ: {reason}",
        "ta": "{name} பதிலளிக்கவில்லை: {reason}",
    },
    "paused": {
        "en": "{name} has been paused for more than a day",
        "si": "{name} දිනකට වඩා වැඩි කාලයක් නවතා ඇත",
        "ta": "{name} ஒரு நாளுக்கும் மேலாக நிறுத்தி வைக்கப்பட்டுள்ளது",
    },
    "owed": {
        "en": "Changes have waited for {minutes} minutes; the oldest is {label}",
        "si": "වෙනස්කම් මිනිත්තු {minutes}ක් බලා සිටී; පැරණිම එක {label}",
        "ta": "மாற்றங்கள் {minutes} நிமிடங்களாகக் காத்திருக்கின்றன; மிகப் பழையது {label}",
    },
    "letters": {
        "en": "What came and could not be handled: {count}",
        "si": "ලැබුණු, එහෙත් හැසිරවිය නොහැකි වූ දේ: {count}",
        "ta": "வந்தும் கையாள முடியாதவை: {count}",
    },
    "brake": {
        "en": "Held by a safety brake until you decide: {count}",
        "si": "ඔබ තීරණය කරන තෙක් ආරක්ෂිත තිරිංගයකින් රඳවා ඇත: {count}",
        "ta": "நீங்கள் முடிவெடுக்கும் வரை பாதுகாப்புத் தடையால் நிறுத்தப்பட்டவை: {count}",
    },
    "conflicts": {
        "en": "Conflicts that have waited for your decision for an hour: {count}",
        "si": "ඔබේ තීරණය පැයක් තිස්සේ බලා සිටින ගැටුම්: {count}",
        "ta": "ஒரு மணி நேரமாக உங்கள் முடிவுக்குக் காத்திருக்கும் முரண்பாடுகள்: {count}",
    },
    "unknown": {
        "en": "Messages and parcels that nobody knows to have gone out: {count}",
        "si": "යැවුණේ දැයි නොදන්නා පණිවිඩ සහ පාර්සල්: {count}",
        "ta": "அனுப்பப்பட்டதா என்று தெரியாத செய்திகளும் பொதிகளும்: {count}",
    },
    "stock": {
        "en": "Low stock: {label}, {left} left",
        "si": "අඩු තොගය: {label}, ඉතිරිව ඇත්තේ {left}",
        "ta": "குறைந்த கையிருப்பு: {label}, மீதம் {left}",
    },
    "lag": {
        "en": "{count} records wait in {topic}, and more come than go",
        "si": "{topic} හි වාර්තා {count}ක් බලා සිටී, තව වැඩි වෙමින් පවතී",
        "ta": "{topic} இல் {count} பதிவுகள் காத்திருக்கின்றன, மேலும் அதிகரிக்கின்றன",
    },
    "server": {
        "en": "{name} does not answer",
        "si": "{name} පිළිතුරු නොදේ",
        "ta": "{name} பதிலளிக்கவில்லை",
    },
    "archive": {
        "en": "The archive does not go on: {reason}",
        "si": "ලේඛනාගාරය ඉදිරියට නොයයි: {reason}",
        "ta": "காப்பகம் தொடரவில்லை: {reason}",
    },
}
"""Condition to its sentence; the names in braces are the fact's values."""

HELP: Mapping[str, Mapping[Language, str]] = {
    "silent": {
        "en": "Press Test connection on its card. What was missed is being asked for meanwhile.",
        "si": "එහි කාඩ්පතේ සම්බන්ධතාව පරීක්ෂා කරන්න. මඟ හැරුණු දේ මේ අතර විමසනු ලැබේ.",
        "ta": "அதன் அட்டையில் இணைப்பைச் சோதிக்கவும். தவறியவை இதற்கிடையில் கேட்கப்படுகின்றன.",
    },
    "token": {
        "en": "Enter a new key or token on its card. Nothing is lost: changes are kept until then.",
        "si": "එහි කාඩ්පතේ නව යතුරක් ඇතුළත් කරන්න. කිසිවක් නැති නොවේ: වෙනස්කම් එතෙක් තබා ගැනේ.",
        "ta": "அதன் அட்டையில் புதிய சாவியை உள்ளிடவும். எதுவும் இழக்கப்படாது: மாற்றங்கள் அதுவரை வைக்கப்படும்.",
    },
    "token_ends": {
        "en": "Make a new one at Meta, best one that never ends, and enter it under Settings.",
        "si": "Meta හි නව එකක්, හැකි නම් අවසන් නොවන එකක් සාදා, සැකසුම් යටතේ ඇතුළත් කරන්න.",
        "ta": "Meta இல் புதியதை, முடிந்தால் முடிவடையாததை உருவாக்கி, அமைப்புகளில் உள்ளிடவும்.",
    },
    "breaker": {
        "en": "Changes are kept and sent when it answers. If it stays away, ask who hosts it.",
        "si": "වෙනස්කම් තබාගෙන, පිළිතුරු දුන් විට යවනු ලැබේ. එසේම පවතී නම් සේවාදායකයාගෙන් විමසන්න.",
        "ta": "மாற்றங்கள் வைக்கப்பட்டு, பதிலளிக்கும்போது அனுப்பப்படும். தொடர்ந்தால் சேவை வழங்குநரைக் கேட்கவும்.",
    },
    "paused": {
        "en": "Nothing is written to it. If that is not meant, switch it on again on its card.",
        "si": "එයට කිසිවක් ලියන්නේ නැත. එය අදහස් නොකළේ නම්, එහි කාඩ්පතේ නැවත සක්‍රිය කරන්න.",
        "ta": "அதில் எதுவும் எழுதப்படவில்லை. இது தவறென்றால், அதன் அட்டையில் மீண்டும் இயக்கவும்.",
    },
    "owed": {
        "en": "See which platform does not take them, and why. They are sent again by themselves.",
        "si": "ඒවා නොගන්නේ කුමන වේදිකාවද, ඇයි දැයි බලන්න. ඒවා ඉබේම නැවත යැවේ.",
        "ta": "எந்தத் தளம் ஏற்கவில்லை, ஏன் என்று பார்க்கவும். அவை தானாகவே மீண்டும் அனுப்பப்படும்.",
    },
    "letters": {
        "en": "Each is kept with its reason. Mend what it says, then send it again.",
        "si": "සෑම එකක්ම එහි හේතුව සමඟ තබා ඇත. එය නිවැරදි කර නැවත යවන්න.",
        "ta": "ஒவ்வொன்றும் அதன் காரணத்துடன் வைக்கப்பட்டுள்ளது. அதைச் சரிசெய்து மீண்டும் அனுப்பவும்.",
    },
    "brake": {
        "en": "Look whether the platform was right, then apply or reject all of it at once.",
        "si": "වේදිකාව නිවැරදි දැයි බලා, සියල්ල එකවර යොදන්න හෝ ප්‍රතික්ෂේප කරන්න.",
        "ta": "தளம் சரியா என்று பார்த்து, அனைத்தையும் ஒன்றாக ஏற்கவும் அல்லது நிராகரிக்கவும்.",
    },
    "conflicts": {
        "en": "Choose which value is right. Until then it stays as it is everywhere.",
        "si": "නිවැරදි අගය තෝරන්න. එතෙක් එය සෑම තැනකම තිබූ පරිදිම පවතී.",
        "ta": "சரியான மதிப்பைத் தேர்ந்தெடுக்கவும். அதுவரை எல்லா இடத்திலும் அப்படியே இருக்கும்.",
    },
    "unknown": {
        "en": "They are never sent twice by themselves: send each again, or give it up.",
        "si": "ඒවා ඉබේ දෙවරක් යවන්නේ නැත: එක් එක් නැවත යවන්න, නැතහොත් අත්හරින්න.",
        "ta": "அவை தானாக இருமுறை அனுப்பப்படாது: மீண்டும் அனுப்பவும் அல்லது கைவிடவும்.",
    },
    "stock": {
        "en": "Order more, or take it out of sale.",
        "si": "තව ඇණවුම් කරන්න, නැතහොත් අලෙවියෙන් ඉවත් කරන්න.",
        "ta": "மேலும் வாங்கவும், அல்லது விற்பனையிலிருந்து நீக்கவும்.",
    },
    "lag": {
        "en": "After a large import this passes. Else start one more worker: docs/runbook.md.",
        "si": "විශාල ආයාතයකින් පසු මෙය පහව යයි. නැතහොත් තවත් වැඩකරුවෙක් අරඹන්න: docs/runbook.md.",
        "ta": "பெரிய இறக்குமதிக்குப் பின் இது நீங்கும். இல்லையேல் இன்னொரு செயலி வேண்டும்: docs/runbook.md.",
    },
    "server": {
        "en": "Start it again, and look at its disk first: docs/runbook.md.",
        "si": "එය නැවත අරඹන්න, පළමුව එහි තැටිය බලන්න: docs/runbook.md.",
        "ta": "அதை மீண்டும் தொடங்கவும், முதலில் அதன் வட்டைப் பார்க்கவும்: docs/runbook.md.",
    },
    "archive": {
        "en": "Nothing else waits for it. Make room on its disk, or mend its address.",
        "si": "වෙන කිසිවක් ඒ සඳහා බලා නොසිටී. තැටියේ ඉඩ සලසන්න, නැතහොත් ලිපිනය නිවැරදි කරන්න.",
        "ta": "வேறு எதுவும் அதற்காகக் காத்திருக்கவில்லை. வட்டில் இடம் ஒதுக்கவும், அல்லது முகவரியைச் சரிசெய்யவும்.",
    },
}
"""Condition to what a person does about it."""

NAMES: Mapping[str, Mapping[Language, str]] = {
    "silent": {
        "en": "A platform is silent",
        "si": "වේදිකාවක් නිහඬයි",
        "ta": "ஒரு தளம் அமைதியாக உள்ளது",
    },
    "token": {
        "en": "A key or token is refused",
        "si": "යතුරක් ප්‍රතික්ෂේප වේ",
        "ta": "சாவி மறுக்கப்படுகிறது",
    },
    "token_ends": {
        "en": "A token will end soon",
        "si": "ටෝකනයක් ඉක්මනින් අවසන් වේ",
        "ta": "ஒரு டோக்கன் விரைவில் முடிவடையும்",
    },
    "breaker": {
        "en": "A platform does not answer",
        "si": "වේදිකාවක් පිළිතුරු නොදේ",
        "ta": "ஒரு தளம் பதிலளிக்கவில்லை",
    },
    "paused": {
        "en": "A platform is paused",
        "si": "වේදිකාවක් නවතා ඇත",
        "ta": "ஒரு தளம் நிறுத்தப்பட்டுள்ளது",
    },
    "owed": {
        "en": "Changes wait for long",
        "si": "වෙනස්කම් දිගු කලක් බලා සිටී",
        "ta": "மாற்றங்கள் நீண்ட நேரம் காத்திருக்கின்றன",
    },
    "letters": {
        "en": "Something could not be handled",
        "si": "යමක් හැසිරවිය නොහැකි විය",
        "ta": "ஏதோ கையாள முடியவில்லை",
    },
    "brake": {
        "en": "A safety brake holds changes",
        "si": "ආරක්ෂිත තිරිංගයක් වෙනස්කම් රඳවයි",
        "ta": "பாதுகாப்புத் தடை மாற்றங்களை நிறுத்துகிறது",
    },
    "conflicts": {
        "en": "Conflicts wait",
        "si": "ගැටුම් බලා සිටී",
        "ta": "முரண்பாடுகள் காத்திருக்கின்றன",
    },
    "unknown": {
        "en": "Messages of unknown fate",
        "si": "ඉරණම නොදන්නා පණිවිඩ",
        "ta": "நிலை தெரியாத செய்திகள்",
    },
    "stock": {
        "en": "Low stock",
        "si": "අඩු තොගය",
        "ta": "குறைந்த கையிருப்பு",
    },
    "lag": {
        "en": "Work piles up",
        "si": "වැඩ ගොඩගැසේ",
        "ta": "வேலை குவிகிறது",
    },
    "server": {
        "en": "A server does not answer",
        "si": "සේවාදායකයක් පිළිතුරු නොදේ",
        "ta": "ஒரு சேவையகம் பதிலளிக்கவில்லை",
    },
    "archive": {
        "en": "The archive does not go on",
        "si": "ලේඛනාගාරය ඉදිරියට නොයයි",
        "ta": "காப்பகம் தொடரவில்லை",
    },
}
"""Condition to its name in a list of settings."""

_WHAT: Mapping[str, Mapping[Language, str]] = {
    "raised": {"en": "", "si": "", "ta": ""},
    "reminder": {"en": "Still: ", "si": "තවමත්: ", "ta": "இன்னும்: "},
    "over": {"en": "Over: ", "si": "අවසන්: ", "ta": "முடிந்தது: "},
}
_LOCALES: Mapping[Language, str] = {"en": "en_GB", "si": "si", "ta": "ta"}
_MORE: Mapping[Language, str] = {
    "en": "and {count} more", "si": "තවත් {count}ක්", "ta": "மேலும் {count}",
}  # fmt: skip
TEST: Mapping[Language, str] = {
    "en": "This is a test alert. Alerts reach you here; nothing is wrong.",
    "si": "මෙය පරීක්ෂණ අනතුරු ඇඟවීමකි. අනතුරු ඇඟවීම් ඔබට මෙහි ලැබේ; කිසිවක් වැරදී නැත.",
    "ta": "இது ஒரு சோதனை எச்சரிக்கை. எச்சரிக்கைகள் உங்களுக்கு இங்கே வரும்; எந்தத் தவறும் இல்லை.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One message in words."""

    subject: str
    """One line: of an e-mail, and all that WhatsApp carries."""
    body: str


def title_of(alert: Alert, language: Language) -> str:
    """Its sentence; a value that is not there is a dash."""
    values = _Filled(alert.values)
    if "date" in values:
        day = date.fromisoformat(values["date"])
        values["date"] = str(format_date(day, "long", locale=_LOCALES[language]))
    return TITLES[alert.condition][language].format_map(values)


def line_of(news: News, language: Language) -> str:
    """The same, saying whether it begins, goes on or is over."""
    return _WHAT[news.what][language] + title_of(news.alert, language)


def say(shop: str, news: Sequence[News], language: Language, base_url: str) -> Said:
    """The message about all of these. `base_url`: how people reach the pages, without a slash."""
    ordered = sorted(news, key=lambda one: (one.what == "over", one.what == "reminder"))
    lines = [line_of(one, language) for one in ordered]
    more = _MORE[language].format(count=len(lines) - 1)
    first = lines[0] if len(lines) == 1 else f"{lines[0]} ({more})"
    groups: dict[str, list[str]] = {}
    for one, line in list(zip(ordered, lines, strict=True))[:MOST_LINES]:
        groups.setdefault("" if one.what == "over" else one.alert.condition, []).append(line)
    parts = []
    for condition, told in groups.items():
        helping = [HELP[condition][language], f"{base_url}{PAGES[condition]}"] if condition else []
        parts.append("\n".join([*told, *helping]))
    if len(lines) > MOST_LINES:
        parts.append(_MORE[language].format(count=len(lines) - MOST_LINES))
    subject = " ".join(f"{shop}: {first}".split())
    return Said(subject, "\n\n".join([*parts, f"{base_url}/alerts"]) + "\n")


def say_test(shop: str, language: Language, base_url: str) -> Said:
    """What the button sends."""
    return Said(f"{shop}: {TEST[language]}", f"{TEST[language]}\n\n{base_url}/alerts\n")


def platform_name(replica: str) -> str:
    """`woocommerce:2` to `WooCommerce 2`, `courier:dhl` to `DHL`."""
    name, _, rest = replica.partition(":")
    if name == "courier":
        return rest.upper() if len(rest) < 4 else rest.replace("_", " ").capitalize()
    return f"{PLATFORMS.get(name, name.capitalize())} {rest}".strip()


class _Filled(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return "–"  # noqa: RUF001 - a dash
