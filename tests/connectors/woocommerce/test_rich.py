"""Categories, tags, pictures and attributes, written after an item was made. WooCommerce goes by
ids of terms, uploads a picture without an id, and keeps only the attributes that are sent."""

from __future__ import annotations

from typing import Any

from connectors.woocommerce.profile import TYPES
from connectors.woocommerce.rich import attributes_body, images_body
from tests.connectors.woocommerce.conftest import Bench, Known, create, read, write

NOBODY = Known()
POT = "https://cdn.example.com/pot.jpg"
LID = "https://cdn.example.com/lid.jpg"


async def apply(bench: Bench, command: Any) -> Any:
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("taken", "")
    assert answer.seen is not None
    return answer.seen


async def test_terms_are_changed_by_name_and_made_where_they_are_missing(bench: Bench) -> None:
    before = await bench.product(412)
    names = [term["name"] for term in before["categories"]]
    want = {"categories": ["Teas", *names], "tags": ["gift", "Ceylon"]}
    expected = {"categories": sorted(names), "tags": []}
    seen = await apply(bench, write("product", "412", expected=expected, want=want))
    assert seen.fields["categories"] == sorted(want["categories"], key=str.lower)
    assert seen.fields["tags"] == ["Ceylon", "gift"]
    shown = await bench.product(412)
    kept = {term["id"] for term in before["categories"]}
    assert kept < {term["id"] for term in shown["categories"]}
    bench.requests.clear()
    again = {"categories": ["Teas"], "tags": ["gift"]}
    held = {name: seen.fields[name] for name in again}
    seen = await apply(
        bench, write("product", "412", op=(1, 2), after=(1, 1), expected=held, want=again)
    )
    assert seen.fields["categories"] == ["Teas"]
    assert not any("/categories" in request for request in bench.requests)  # known by now


async def test_a_category_edited_there_meanwhile_is_not_overwritten(bench: Bench) -> None:
    await bench.control.edit_product("shop", 412, categories=[{"id": 15}])
    command = write("product", "412", expected={"categories": ["Tea"]}, want={"categories": []})
    (answer,) = await bench.client.apply([command], NOBODY)
    assert (answer.result, answer.reason) == ("refused", "expected")


async def test_pictures_that_are_there_are_not_uploaded_again(bench: Bench) -> None:
    shown = await bench.product(412)
    (first,) = shown["images"]
    expected = {"images": [{"url": first["src"], "alt": first["alt"]}]}
    want = {"images": [{"url": POT, "alt": "Pot"}, *expected["images"]]}
    seen = await apply(bench, write("product", "412", expected=expected, want=want))
    images = (await bench.product(412))["images"]
    assert "/uploads/" in images[0]["src"]  # the shop's own copy
    assert (images[1]["id"], images[1]["src"]) == (first["id"], first["src"])
    assert [image["alt"] for image in seen.fields["images"]] == ["Pot", first["alt"]]
    assert seen.mark.fields["images"].wanted == want["images"]
    pot = images[0]["id"]
    fewer = {"images": [{"url": POT, "alt": "Pot"}]}
    held = {"images": seen.fields["images"]}
    command = write("product", "412", op=(1, 2), after=(1, 1), expected=held, want=fewer)
    await apply(bench, command)
    assert [image["id"] for image in (await bench.product(412))["images"]] == [pot]


async def test_attributes_keep_what_variations_need(bench: Bench) -> None:
    before = await bench.product(430)
    expected = {"attributes": {a["name"]: a["options"] for a in before["attributes"]}}
    want = {"attributes": {"Fabric": ["Cotton"]}}
    seen = await apply(bench, write("product", "430", expected=expected, want=want))
    kept = {a["name"] for a in before["attributes"] if a["variation"]}
    assert set(seen.fields["attributes"]) == {"Fabric", *kept}
    after = {a["name"]: a for a in (await bench.product(430))["attributes"]}
    assert all(after[name]["variation"] for name in kept)
    assert after["Fabric"]["options"] == ["Cotton"]


async def test_an_attribute_that_the_shop_has_for_all_products_is_that_one(bench: Bench) -> None:
    rest = bench.client._rest  # noqa: SLF001 - as the shop's keeper would
    path = "/wp-json/wc/v3/products/attributes"
    grade = await rest.send("POST", path, body={"name": "Grade"})
    want = {"attributes": {"Grade": ["BOPF"], "Estate": "Dimbula"}}
    seen = await apply(bench, write("product", "412", want=want, expected={"attributes": {}}))
    assert seen.fields["attributes"] == {"Grade": ["BOPF"], "Estate": ["Dimbula"]}
    ids = {one["name"]: one["id"] for one in (await bench.product(412))["attributes"]}
    assert ids == {"Grade": grade["id"], "Estate": 0}
    new = {"name": "Tea", "sku": "TEA-X", "attributes": {"grade": "FBOP"}, "price": "1"}
    (made,) = await bench.client.apply([create("product", "e9", want=new)], NOBODY)
    assert made.result == "taken"
    assert [one["id"] for one in (await bench.product("TEA-X"))["attributes"]] == [grade["id"]]
    await rest.send("DELETE", f"{path}/{grade['id']}", params={"force": "true"})


async def test_a_variation_gets_another_option_and_picture(bench: Bench) -> None:
    (first,) = await bench.client.apply([read("variation", "430:431")], NOBODY)
    assert first.seen is not None
    held = {name: first.seen.fields[name] for name in ("attributes", "image")}
    want = {"attributes": {**held["attributes"], "Colour": "Indigo"}, "image": LID}
    seen = await apply(bench, write("variation", "430:431", expected=held, want=want))
    assert seen.fields["attributes"] == want["attributes"]
    assert "/uploads/" in seen.fields["image"] != held["image"]
    parent = await bench.product(430)
    assert "Indigo" in parent["attributes"][0]["options"]


def test_a_picture_the_shop_stored_under_its_own_address_is_known_by_the_mark() -> None:
    stored = {"id": 77, "src": "https://shop.example/wp-content/uploads/pot.jpg"}
    mark = {"value": [stored], "wanted": [{"src": POT}]}
    assert images_body([{"url": POT}, {"url": LID}], [stored], mark) == [
        {"id": 77, "src": POT},
        {"src": LID},
    ]
    replaced = {"id": 80, "src": "https://shop.example/wp-content/uploads/other.jpg"}
    assert images_body([{"url": POT}], [replaced], mark) == [{"src": POT}]


def test_attributes_that_are_there_keep_their_id_and_use() -> None:
    held = [
        {"id": 3, "name": "Size", "variation": True, "visible": True, "options": ["S", "M"]},
        {"id": 4, "name": "Fabric", "variation": False, "visible": True, "options": ["Silk"]},
    ]
    assert attributes_body({"size": ["S", "L"]}, held) == [
        {"id": 3, "name": "Size", "variation": True, "visible": True, "options": ["S", "L"]}
    ]


def test_what_reads_back_is_known_before_it_is_written() -> None:
    normal = TYPES["product"].normal
    assert normal("categories", ["tea", "Gifts", {"name": "Tea"}]) == ["Gifts", "tea"]
    assert normal("images", [{"url": POT}, LID, {"alt": "no address"}]) == [
        {"url": POT, "alt": ""},
        {"url": LID, "alt": ""},
    ]
    assert normal("attributes", {"Size": "L"}) == {"Size": ["L"]}
    assert TYPES["variation"].normal("attributes", {"Size": "L"}) == {"Size": "L"}
