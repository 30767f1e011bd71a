"""A small Sri Lankan shop, as WooCommerce resources and as documents of the merchant's MongoDB.

Both come from one list, so that their SKUs, prices and stock agree. Prices are decimal
texts; whoever stores them picks the type. All people and addresses are invented.
"""

from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]

CURRENCY = "LKR"
ORGANIZATION = "demo"
IMAGES = "https://cdn.example.com/p"
CATEGORIES: dict[str, int] = {
    "තේ / Tea": 21,
    "Spices": 22,
    "Sarees": 24,
    "Kitchen": 25,
    "Sweets": 26,
    "Handicrafts": 27,
}


@dataclass(frozen=True)
class Variant:
    sku: str
    option: str
    price: str
    stock: int


@dataclass(frozen=True)
class Product:
    number: int
    """In WooCommerce; variations take the numbers that follow."""
    sku: str
    name: str
    category: str
    price: str
    stock: int | None
    description: str = ""
    sale_price: str = ""
    weight: str = ""
    attribute: str = ""
    variants: tuple[Variant, ...] = field(default=())

    @property
    def key(self) -> str:
        """The entity's id in the merchant's database."""
        return f"p{self.number}"

    @property
    def image(self) -> str:
        return f"{IMAGES}/{self.sku.lower()}.jpg"


PRODUCTS: tuple[Product, ...] = (
    Product(412, "TEA-BOPF-400", "Ceylon BOPF tea 400 g", "තේ / Tea", "1899.50", 36,
            "<p>High-grown BOPF, <strong>fresh</strong> pack.</p>", weight="0.4"),
    Product(413, "TEA-GREEN-100", "හරිත තේ / Green tea 100 g", "තේ / Tea", "1250", 54,
            "<p>Young leaves of the Uva hills.</p>", weight="0.1"),
    Product(414, "CIN-ALBA-100", "Ceylon cinnamon Alba 100 g", "Spices", "1650", 80,
            "<p>Thin quills, hand rolled.</p>", sale_price="1490", weight="0.1"),
    Product(415, "PEP-BLK-250", "கருமிளகு / Black pepper 250 g", "Spices", "980", 120,
            "<p>Sun dried, Matale.</p>", weight="0.25"),
    Product(416, "CUR-ROAST-200", "Roasted curry powder 200 g", "Spices", "540", 200,
            weight="0.2"),
    Product(430, "HL-SAREE-001", "Handloom saree", "Sarees", "14000", None,
            "<p>Hand-woven cotton, six yards, from Dumbara.</p>", attribute="Colour", variants=(
                Variant("HL-SAREE-001-RED", "Red", "14000", 4),
                Variant("HL-SAREE-001-IND", "Indigo", "14500", 6),
                Variant("HL-SAREE-001-GRN", "Green", "14000", 2),
            )),
    Product(440, "BATIK-SHIRT", "බතික් කමිසය / Batik shirt", "Sarees", "4850", None,
            attribute="Size", variants=(
                Variant("BATIK-SHIRT-M", "M", "4850", 12),
                Variant("BATIK-SHIRT-L", "L", "4850", 9),
                Variant("BATIK-SHIRT-XL", "XL", "5250", 5),
            )),
    Product(450, "POT-CLAY-M", "Clay pot, medium", "Kitchen", "950", 40,
            "<p>For rice and curries.</p>", weight="1.8"),
    Product(451, "SPOON-COCO", "පොල්කටු හැන්ද / Coconut spoon", "Kitchen", "320", 150),
    Product(452, "KITHUL-JAG-500", "Kithul jaggery 500 g", "Sweets", "1180", 30, weight="0.5"),
    Product(453, "TREACLE-750", "கித்துல் பாணி / Kithul treacle 750 ml", "Sweets", "2200", 18,
            weight="0.9"),
    Product(454, "MASK-RAKSHA", "Raksha mask, hand carved", "Handicrafts", "7800", 7,
            "<p>Kaduru wood, Ambalangoda.</p>", weight="1.2"),
)  # fmt: skip

# first name, last name, e-mail, phone, street, city, postcode
PEOPLE: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("කසුන්", "ජයවර්ධන", "kasun@example.com", "+94712345670", "45 Galle Road", "Dehiwala", "10350"),
    ("Nadeesha", "Perera", "nadeesha@example.com", "+94771234567",
     "12/3, Stanley Tillakaratne Mawatha", "Nugegoda", "10250"),
    ("Fathima", "Rizwan", "fathima@example.com", "+94760001122", "8 Main Street", "Kandy", "20000"),
    ("கவிதா", "சிவராஜா", "kavitha@example.com", "+94770009988", "21 Hospital Road", "Jaffna",
     "40000"),
)  # fmt: skip
FIRST_CUSTOMER = 31


def _term(category: str) -> Record:
    slug = category.rpartition("/")[2].strip().lower()
    return {"id": CATEGORIES[category], "name": category, "slug": slug}


def _image(product: Product) -> Record:
    name = product.image.rpartition("/")[2]
    return {"id": 1000 + product.number, "src": product.image, "name": name, "alt": product.name}


def _shop_product(product: Product) -> Record:
    record: Record = {
        "id": product.number,
        "name": product.name,
        "sku": product.sku,
        "type": "variable" if product.variants else "simple",
        "status": "publish",
        "description": product.description,
        "regular_price": "" if product.variants else product.price,
        "sale_price": product.sale_price,
        "weight": product.weight,
        "manage_stock": product.stock is not None,
        "stock_quantity": product.stock,
        "categories": [_term(product.category)],
        "images": [_image(product)],
    }
    if product.variants:
        record["attributes"] = [
            {
                "id": 0,
                "name": product.attribute,
                "slug": product.attribute,
                "position": 0,
                "visible": True,
                "variation": True,
                "options": [variant.option for variant in product.variants],
            }
        ]
    return record


def _shop_variation(product: Product, number: int, variant: Variant) -> Record:
    return {
        "id": number,
        "parent_id": product.number,
        "type": "variation",
        "name": f"{product.name} - {variant.option}",
        "sku": variant.sku,
        "regular_price": variant.price,
        "manage_stock": True,
        "stock_quantity": variant.stock,
        "images": [_image(product)],
        "attributes": [
            {
                "id": 0,
                "name": product.attribute,
                "slug": product.attribute,
                "option": variant.option,
            }
        ],
    }


def _shop_customer(number: int, person: tuple[str, str, str, str, str, str, str]) -> Record:
    first, last, email, phone, street, city, postcode = person
    address = {
        "first_name": first, "last_name": last, "address_1": street, "city": city,
        "postcode": postcode, "country": "LK", "phone": phone,
    }  # fmt: skip
    return {
        "id": number,
        "email": email,
        "first_name": first,
        "last_name": last,
        "username": email.partition("@")[0],
        "billing": {**address, "email": email},
        "shipping": dict(address),
    }


def woocommerce() -> Record:
    """For the sandbox's `load`: REST resources."""
    return {
        "categories": [_term(category) for category in CATEGORIES],
        "products": [_shop_product(product) for product in PRODUCTS],
        "variations": [
            _shop_variation(product, product.number + place, variant)
            for product in PRODUCTS
            for place, variant in enumerate(product.variants, start=1)
        ],
        "customers": [
            _shop_customer(FIRST_CUSTOMER + place, person) for place, person in enumerate(PEOPLE)
        ],
        "next_ids": {"post": 2000},
    }


# The merchant's MongoDB


def _document(product: Product, organization: str) -> Record:
    document: Record = {
        "_id": product.key,
        "organizationId": organization,
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "shortDescription": "",
        "price": product.price,
        "currency": CURRENCY,
        "status": "active",
        "categories": [product.category],
        "tags": [],
        "images": [{"url": product.image, "alt": product.name}],
        "attributes": {},
        "variants": [
            {
                "sku": variant.sku,
                "attributes": {product.attribute: variant.option},
                "price": variant.price,
                "image": product.image,
            }
            for variant in product.variants
        ],
    }
    if product.sale_price:
        document["salePrice"] = product.sale_price
    if product.weight:
        document["weight"] = product.weight
    return document


def _stock_document(key: str, product: Product, sku: str, quantity: int, org: str) -> Record:
    return {
        "_id": key,
        "organizationId": org,
        "productId": product.key,
        "sku": sku,
        "quantity": quantity,
        "reserved": 0,
        "backorders": False,
        "lowStockThreshold": 5,
        "location": "Colombo",
    }


def _inventory(product: Product, organization: str) -> list[Record]:
    if product.stock is not None:
        return [_stock_document(product.key, product, product.sku, product.stock, organization)]
    return [
        _stock_document(
            f"p{product.number + place}", product, variant.sku, variant.stock, organization
        )
        for place, variant in enumerate(product.variants, start=1)
    ]


def _customer_document(
    number: int, person: tuple[str, str, str, str, str, str, str], organization: str
) -> Record:
    first, last, email, phone, street, city, postcode = person
    return {
        "_id": f"c{number}",
        "organizationId": organization,
        "name": f"{first} {last}",
        "email": email,
        "phone": phone,
        "addresses": [{"address1": street, "city": city, "postalCode": postcode, "country": "LK"}],
        "language": "si",
        "tags": [],
    }


def mongodb(organization: str = ORGANIZATION) -> dict[str, list[Record]]:
    """Collection to documents, with prices as decimal texts."""
    return {
        "products": [_document(product, organization) for product in PRODUCTS],
        "inventory": [entry for product in PRODUCTS for entry in _inventory(product, organization)],
        "customers": [
            _customer_document(FIRST_CUSTOMER + place, person, organization)
            for place, person in enumerate(PEOPLE)
        ],
        "orders": [],
        "messages": [],
    }


# WhatsApp

TEMPLATES: list[Record] = [
    {"name": "order_confirmed", "language": "en", "parameters": 3, "header": "image",
     "buttons": ["quick_reply", "url"]},
    {"name": "order_status", "language": "en", "parameters": 2},
    {"name": "order_status", "language": "si", "parameters": 2},
    {"name": "order_status", "language": "ta", "parameters": 2},
]  # fmt: skip
