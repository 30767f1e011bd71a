"""Alerts to a person: what is wrong becomes one message, by e-mail, webhook or WhatsApp."""
