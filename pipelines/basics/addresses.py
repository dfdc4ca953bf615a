"""Addresses as they may be shown."""

from __future__ import annotations

import re

# Up to the last "@": a password may hold one, or a slash.
_SECRET = re.compile(r"://\S*@")
_NAMED = re.compile(r"(?i)([?&](?:user|username|password|passwd|pwd|token)=)[^&\s]*")


def without_password(text: str) -> str:
    """Return a text in which names and passwords of addresses are left out.

    >>> without_password("postgresql://me:secret@there/studies")
    'postgresql://***@there/studies'
    >>> without_password("postgresql://there/studies?user=me&password=secret&sslmode=require")
    'postgresql://there/studies?user=***&password=***&sslmode=require'
    """
    return _NAMED.sub(r"\1***", _SECRET.sub("://***@", text))
