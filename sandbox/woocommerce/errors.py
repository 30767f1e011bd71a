"""WooCommerce's own error documents.

ShopError: the shop refuses the request; sending the same again never helps, except
after what it names has changed.
"""

from typing import Any

Record = dict[str, Any]


class ShopError(Exception):
    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.data = data

    def document(self) -> Record:
        return {
            "code": self.code,
            "message": self.message,
            "data": {"status": self.status, **self.data},
        }


def no_route() -> ShopError:
    return ShopError(
        404, "rest_no_route", "No route was found matching the URL and request method."
    )


def invalid_id(kind: str, status: int) -> ShopError:
    code = {
        "product": "woocommerce_rest_product_invalid_id",
        "variation": "woocommerce_rest_product_variation_invalid_id",
        "order": "woocommerce_rest_shop_order_invalid_id",
        "webhook": "woocommerce_rest_shop_webhook_invalid_id",
        "customer": "woocommerce_rest_invalid_id",
    }[kind]
    message = "Invalid resource ID." if kind == "customer" else "Invalid ID."
    return ShopError(status, code, message)


def invalid_params(problems: dict[str, tuple[str, str]]) -> ShopError:
    """`problems`: parameter to (code, message)."""
    return ShopError(
        400,
        "rest_invalid_param",
        f"Invalid parameter(s): {', '.join(problems)}",
        params={name: message for name, (_, message) in problems.items()},
        details={
            name: {"code": code, "message": message, "data": None}
            for name, (code, message) in problems.items()
        },
    )


def missing_params(names: list[str]) -> ShopError:
    return ShopError(
        400,
        "rest_missing_callback_param",
        f"Missing parameter(s): {', '.join(names)}",
        params=names,
    )


def trash_not_supported(plural: str) -> ShopError:
    return ShopError(
        501, "woocommerce_rest_trash_not_supported", f"{plural} do not support trashing."
    )


def duplicate_sku(sku: str, owner_id: int) -> ShopError:
    return ShopError(
        400,
        "product_invalid_sku",
        "Invalid or duplicated SKU.",
        resource_id=owner_id,
        unique_sku=f"{sku}-1",
    )
