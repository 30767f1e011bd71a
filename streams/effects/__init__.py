"""Messages, labels, refunds: done once per business fact, whatever is repeated or crashes."""
