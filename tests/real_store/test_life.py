"""Installed, removed, installed again; personal data; other languages; a quiet log."""

from __future__ import annotations

from tests.real_store.calls import Calls, create, meta, outcome
from tests.real_store.receiver import Receiver
from tests.real_store.shop import RealShop

FILE = "wordpress-plugin/smartstore-woocommerce.php"
ADMIN = "require_once ABSPATH . 'wp-admin/includes/plugin.php';"


async def test_removed_and_installed_again(calls: Calls, receiver: Receiver) -> None:
    shop = calls.shop
    operation = create(want={"name": "Pot", "regular_price": "1"})
    [made] = await calls.sync(operation)
    shop.php(f"{ADMIN} deactivate_plugins('{FILE}');")
    jobs = "as_get_scheduled_actions(array('group' => 'smartstore', 'status' => 'pending'), 'ids')"
    assert shop.php(f"return {jobs};") == []
    path = f"/products/{made['resource']['id']}"
    assert meta(await calls.rest.get(path), "_smartstore_product")["op"] == [812, 1]
    shop.php(f"{ADMIN} uninstall_plugin('{FILE}');")
    left = shop.php(
        "global $wpdb; return array($wpdb->get_col(\"SHOW TABLES LIKE '%smartstore%'\"),"
        '$wpdb->get_col("SELECT option_name FROM wp_options WHERE option_name LIKE'
        " '%smartstore%'\"));"
    )
    assert left == [[], []]
    shop.php(f"{ADMIN} activate_plugin('{FILE}');")
    [again] = await calls.sync(operation)
    assert outcome(again) == ("taken", "")
    assert again["resource"]["id"] == made["resource"]["id"]


async def test_personal_data(calls: Calls, receiver: Receiver) -> None:
    shop = calls.shop
    product = await calls.new_product(regular_price="5")
    shop.run_due()
    receiver.cut()
    order = await calls.sell(product, 1, billing={"email": "kamala@example.com"})
    shop.run_due()  # its body is built, and cannot be sent
    privacy = "SmartStore\\WooCommerce\\Privacy"
    found = shop.php(f"return {privacy}::export('kamala@example.com');")
    told = [entry["data"][0] for entry in found["data"]]
    assert any(one["name"] == "order.created" for one in told)
    assert shop.php(f"return {privacy}::export('someone@example.com');")["data"] == []
    shop.php(
        f"WC_Privacy_Erasers::order_data_eraser('x', 1);"
        f"WC_Privacy_Erasers::remove_order_personal_data(wc_get_order({order['id']}));"
    )
    assert shop.php(f"return {privacy}::erase('kamala@example.com');")["items_removed"]
    receiver.mend()
    shop.php("SmartStore\\WooCommerce\\Sender::hurry();")
    shop.run_due()
    bodies = [one.body for one in receiver.taken("order") if one.data["id"] == order["id"]]
    assert bodies
    assert not any(b"kamala" in body for body in bodies)


def test_other_languages(shop: RealShop) -> None:
    for locale, word in (("si_LK", "සියල්ල යවා ඇත."), ("ta_LK", "அனைத்தும் அனுப்பப்பட்டுவிட்டன.")):
        said = shop.php(
            f"switch_to_locale('{locale}'); unload_textdomain('smartstore-woocommerce');"
            "load_textdomain('smartstore-woocommerce', dirname(SmartStore\\WooCommerce\\FILE)"
            f" . '/languages/smartstore-woocommerce-{locale}.mo');"
            "return __('Everything has been sent.', 'smartstore-woocommerce');"
        )
        assert said == word


def test_without_woocommerce_it_says_so(shop: RealShop) -> None:
    said = shop.script(
        "run.php", str(shop.wordpress), given=(
            "ob_start(); SmartStore\\WooCommerce\\Plugin::say_what_is_missing();"
            "return ob_get_clean();"
        ),
    )  # fmt: skip
    assert "Install and activate WooCommerce" in said


def test_compatibility_is_declared(shop: RealShop) -> None:
    found = shop.php(
        "return Automattic\\WooCommerce\\Utilities\\FeaturesUtil::"
        f"get_compatible_features_for_plugin('{FILE}');"
    )
    assert {"custom_order_tables", "cart_checkout_blocks"} <= set(found["compatible"])


def test_php_complains_of_nothing(shop: RealShop) -> None:
    assert shop.complaints() == []
