"""The words that customers use, in English, Sinhala, Tamil, and Sinhala in Latin letters. Lower
case, as `understanding.plain` makes them."""

from __future__ import annotations

from streams.whatsapp.conversations import Language

# Whole messages

STOP = frozenset((
    "stop", "unsubscribe", "stop promotions", "stop messages", "opt out", "stop promo", "optout",
    "නවත්වන්න", "නවතන්න", "නවත්තන්න", "නවතින්න", "පණිවිඩ එපා", "පණිවුඩ එපා", "පණිවිඩ නවත්වන්න",
    "nawathwanna", "nawaththanna", "navatvanna",
    "நிறுத்து", "நிறுத்துங்கள்", "நிறுத்தவும்", "நிறுத்துக", "செய்தி வேண்டாம்", "செய்திகள் வேண்டாம்",
))  # fmt: skip
START = frozenset((
    "start", "subscribe", "unstop", "opt in", "start promotions", "start messages",
    "ආරම්භ කරන්න", "පටන් ගන්න", "අරඹන්න", "patan ganna",
    "தொடங்கு", "தொடங்குங்கள்", "தொடங்கவும்", "தொடங்குக", "ஆரம்பி",
))  # fmt: skip
MENU = frozenset((
    "menu", "help", "options", "main menu",
    "මෙනුව", "මෙනු", "උදව්", "උදව්වක්", "udaw",
    "மெனு", "உதவி", "பட்டியல்",
))  # fmt: skip
THANKS = frozenset((
    "thanks", "thank you", "ok", "okay", "thx", "thank u", "ok thanks", "ok thank you", "great",
    "noted", "fine", "yes", "no", "bye", "good",
    "ස්තුතියි", "ස්තූතියි", "හරි", "ඔව්", "නෑ", "නැහැ", "sthuthi", "sthutiyi", "hari", "ow", "na",
    "நன்றி", "சரி", "ஆம்", "இல்லை", "nandri", "sari",
))  # fmt: skip
LANGUAGES: dict[str, Language] = {
    "english": "en", "sinhala": "si", "tamil": "ta", "සිංහල": "si", "සිංහලෙන්": "si",
    "தமிழ்": "ta", "தமிழில்": "ta", "ඉංග්‍රීසි": "en", "ஆங்கிலம்": "en", "දෙමළ": "ta",
    "சிங்களம்": "si",
}  # fmt: skip

PERSON_ALONE = frozenset(("person", "people", "somebody", "someone"))

# Words within a message

GREETINGS = frozenset((
    "hi", "hello", "hey", "good morning", "good afternoon", "good evening", "ayubowan", "vanakkam",
    "ආයුබෝවන්", "හෙලෝ", "හායි", "සුබ උදෑසනක්", "வணக்கம்", "ஹலோ", "ஹாய்",
))  # fmt: skip
PERSON = frozenset((
    "agent", "human", "operator", "representative", "complaint", "complain", "real person",
    "a person", "talk to someone", "talk to a person", "speak to", "speak with", "talk to you",
    "call me", "customer service", "staff",
    "කෙනෙක් එක්ක", "කෙනෙකු සමඟ", "කෙනෙකුට කතා", "කතා කරන්න", "නියෝජිත", "පැමිණිල්ල", "katha karanna",
    "kenek ekka", "பேச வேண்டும்", "பேசணும்", "பேசலாமா", "நபர்", "மனிதர்", "முகவர்", "புகார்",
))  # fmt: skip
ORDER_WORDS = frozenset((
    "order", "orders", "parcel", "package", "delivery", "shipment", "courier", "tracking", "track",
    "delivered", "ordered", "ඇණවුම", "ඕඩර්", "ඕඩරය", "ඕඩර", "ඇනවුම", "පාර්සල", "පාර්සල්", "පැකේජ", "ඩිලිවරි",
    "oder", "parcel eka", "ஆர்டர்", "பார்சல்", "ஆணை", "டெலிவரி", "ஓடர்",
))  # fmt: skip
STATUS_WORDS = frozenset((
    "where", "status", "track", "tracking", "when", "my order", "late", "arrive", "arrived",
    "received", "coming", "update", "delay", "delayed", "koheda", "kawadda", "kohomada",
    "කොහෙද", "කොහේද", "කවදද", "කවදාද", "මගේ", "තාම", "තවම ආවේ", "ලැබුණේ",
    "எங்கே", "எங்க", "எப்போது", "எப்ப", "என்", "எனது", "வரவில்லை",
))  # fmt: skip
BUYING = frozenset((
    "want", "buy", "need", "purchase", "like to order", "to order", "can i order", "can i get",
    "ඕනෙ", "ඕනේ", "ඕන", "ගන්න", "මිලදී", "ganna",
    "வேண்டும்", "வாங்க", "வாங்கணும்", "தேவை",
))  # fmt: skip
ITEM_WORDS = frozenset((
    "price", "prices", "cost", "how much", "stock", "available", "availability", "do you have",
    "have you", "product", "products", "catalog", "catalogue", "item", "items", "sell", "discount",
    "offer", "offers", "shop", "size", "colour", "color",
    "මිල", "ගාන", "කීයද", "තියෙනවද", "තියනවද", "තිබෙනවාද", "තියෙනවාද", "භාණ්ඩ", "බඩු", "keeyada",
    "kiyada", "thiyenawada", "tiyenawada", "mila", "gana",
    "விலை", "எவ்வளவு", "இருக்கா", "இருக்கிறதா", "உள்ளதா", "பொருள்", "பொருட்கள்", "கையிருப்பு",
))  # fmt: skip
FILLER = ITEM_WORDS | BUYING | GREETINGS | THANKS | frozenset((
    "a", "an", "the", "i", "we", "you", "me", "my", "your", "is", "are", "was", "do", "does", "can",
    "could", "will", "would", "to", "of", "in", "on", "for", "with", "and", "or", "this", "that",
    "these", "those", "it", "what", "which", "how", "much", "many", "have", "has", "any", "some",
    "pls", "please", "plz", "still", "there", "be", "get", "give", "send", "show", "see", "tell",
    "like", "about", "from", "at", "if", "so", "but", "more", "also", "now", "today", "sir",
    "madam", "dear", "bro", "miss", "order", "eka", "ekak", "dan", "mata", "ta", "da",
    "මේ", "ඒ", "එක", "එකක්", "මට", "තවම", "තාම", "දැන්", "කරුණාකර", "ද", "ගැන", "පුළුවන්ද", "දෙන්න",
    "இந்த", "அந்த", "ஒரு", "எனக்கு", "இன்னும்", "இப்போது", "தயவுசெய்து", "பற்றி", "முடியுமா",
))  # fmt: skip
