"""Addresses as they may be shown."""

from __future__ import annotations

import re

_SECRET = re.compile(r"://[^/@\s]+@")


def without_password(text: str) -> str:
    """Return a text in which names and passwords of addresses are left out.

    >>> without_password("postgresql://me:secret@there/studies")
    'postgresql://***@there/studies'
    """
    return _SECRET.sub("://***@", text)
