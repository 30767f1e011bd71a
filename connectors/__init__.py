"""One folder per outside system; the only code that knows a vendor's words."""
