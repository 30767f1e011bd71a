"""WhatsApp's part of the Graph API: messages, the catalogue, and webhooks out."""
