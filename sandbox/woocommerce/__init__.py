"""WooCommerce's REST API v3 and webhooks, with or without the SmartStore plugin's route."""
