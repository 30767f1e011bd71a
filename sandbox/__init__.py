"""Stateful stand-ins of the platforms that SmartStore Sync talks to.

Nothing here is imported by, or imports, the product: a stand-in that shared its code
would agree with its mistakes.
"""
