"""WhatsApp beyond the sync of items: conversations, answers, notifications, the catalogue."""
