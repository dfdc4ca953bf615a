"""What can go wrong on the way to Kaggle, as sentences that say what to do.

No sentence repeats what a library says of a request: it may hold an address with a password, or a
header with a key. What Kaggle's own answer says is shown, for it knows more than its number.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from comps.base import WorkbenchError
from submissions.kaggle.keys import key_in_use

SITE = "https://www.kaggle.com"
NEW_KEY = (
    f"Make one at {SITE}/settings/api and save it as ~/.kaggle/access_token, or run "
    "'kaggle auth login'."
)


class KaggleError(WorkbenchError):
    """Kaggle could not be reached, or refused. Exit code 1; what was there before is kept."""


class LostError(KaggleError):
    """The connection broke, so that it is not known whether Kaggle took what was sent."""


class UnknownError(KaggleError):
    """Kaggle has no competition of that name."""


class DeniedError(KaggleError):
    """Kaggle does not accept the key, or the account may not do it: asking again is of no use."""


# What sentences call the command that goes on.
_SAME = "the same command"


def rules_of(competition: str) -> str:
    """Return the address where a competition's rules are accepted.

    >>> rules_of("titanic")
    'https://www.kaggle.com/competitions/titanic/rules'
    """
    return f"{SITE}/competitions/{competition}/rules"


def explained(error: Exception, competition: str, rest: str = "") -> KaggleError:
    """Return an error of the client or of its libraries as a sentence.

    Args:
        error: that was raised.
        competition: as Kaggle calls it.
        rest: what is kept, or goes on with the same command.

    >>> import requests
    >>> print(explained(requests.exceptions.ConnectionError(), "titanic", "Nothing was uploaded."))
    Kaggle cannot be reached: there is no connection to it. Check the network, and run the same \
command again. Nothing was uploaded.
    """
    return _kind(error)(f"{_sentence(error, competition)} {rest}".strip())


def lost(error: Exception, competition: str) -> KaggleError:
    """Return an error of the call that hands something over as a sentence.

    An answer of 400 to 499 alone says that it was not taken. Behind any other the server may have
    done its work: it had trouble after that, or its answer could not be read.

    Args:
        error: that was raised.
        competition: as Kaggle calls it.
    """
    from requests.exceptions import HTTPError

    found = explained(error, competition)
    answer = error.response if isinstance(error, HTTPError) else None
    refused = answer is not None and 400 <= _status(answer) < 500
    return found if refused else LostError(str(found))


def of_command(error: KaggleError, command: str) -> str:
    """Return what an error says where another command goes on than the one that was given.

    >>> of_command(KaggleError("Run the same command again."), "'comps leaderboard digits'")
    "Run 'comps leaderboard digits' again."
    """
    return str(error).replace(_SAME, command)


_KINDS: Mapping[int, type[KaggleError]] = {401: DeniedError, 403: DeniedError, 404: UnknownError}


def _kind(error: Exception) -> type[KaggleError]:
    from requests.exceptions import HTTPError, RequestException

    if isinstance(error, HTTPError) and error.response is not None:
        return _KINDS.get(_status(error.response), KaggleError)
    return LostError if isinstance(error, RequestException) else KaggleError


def _sentence(error: Exception, competition: str) -> str:
    from requests import exceptions

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        return _of_answer(error.response, competition)
    # From the special to the general: a proxy's error is one of connections, too.
    for kind, text in (
        (exceptions.ProxyError, _proxy()),
        (exceptions.SSLError, _SSL),
        (exceptions.Timeout, _SLOW),
        (exceptions.JSONDecodeError, STRANGE),
        (exceptions.InvalidURL, _proxy()),
        ((exceptions.ChunkedEncodingError, exceptions.ContentDecodingError), _CUT),
        (exceptions.ConnectionError, _CONNECTION),
        (exceptions.RequestException, _CONNECTION),
        (json.JSONDecodeError, STRANGE),
        (OSError, f"{getattr(error, 'filename', None) or 'A file'}: {_reason(error)}."),
    ):
        if isinstance(error, kind):
            return text
    return (
        f"The client for Kaggle failed ({type(error).__name__}). A newer version may know "
        "Kaggle's answers of today: pip install --upgrade kaggle."
    )


_SSL = (
    "Kaggle's certificate was not accepted. A proxy that reads along needs its own certificate: "
    "name its file in REQUESTS_CA_BUNDLE."
)
_SLOW = "Kaggle does not answer in time. Run the same command again, or try later."
_CUT = "The connection to Kaggle broke. Run the same command again."
_CONNECTION = (
    "Kaggle cannot be reached: there is no connection to it. Check the network, and run the same "
    "command again."
)
STRANGE = (
    "What answered is not Kaggle: a proxy, or the login page of a network. Open kaggle.com in a "
    "browser, and run the same command again."
)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _proxy() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    named = [name for name in names if os.environ.get(name)]
    return (
        "The proxy does not let the connection to Kaggle through, or broke it. It is named in "
        f"{', '.join(named) or 'the settings of this machine'}: put it right, or unset it."
    )


def _of_answer(response: Any, competition: str) -> str:
    """Return what an answer with a number of an error means."""
    said, status = _message(response), _status(response)
    known = _BY_STATUS.get(status)
    if known is not None:
        return known(competition, said, response)
    if status >= 500:
        return f"Kaggle has trouble ({status}). Run the same command again in some minutes."
    return f"Kaggle refuses ({status}){_colon(said)}"


def _status(response: Any) -> int:
    """Return the number of an error; some answers say in their content alone that they are one."""
    status = int(response.status_code)
    if status >= 400:
        return status
    try:
        return int(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return status


def _message(response: Any) -> str:
    """Return what Kaggle says, in one line; empty where it says nothing."""
    try:
        text = str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return ""
    return " ".join(text.split())


def _colon(said: str) -> str:
    return f": {said.rstrip('.')}." if said else "."


def _bad_key(competition: str, said: str, response: Any) -> str:
    del competition, response
    used = key_in_use()
    which = f" It is that of {used.name}: {used.remedy}." if used else ""
    return f"Kaggle does not accept the key (401){_colon(said)}{which} {NEW_KEY}"


def _forbidden(competition: str, said: str, response: Any) -> str:
    del response
    return (
        f"Kaggle refuses (403){_colon(said)} Accept the competition's rules: open "
        f"{rules_of(competition)}, join, and run the same command again. Where that is done: a "
        "private competition takes those alone who were invited."
    )


def _unknown(competition: str, said: str, response: Any) -> str:
    del said, response
    return (
        f"Kaggle has no competition {competition!r} (404). Its name is the last part of its "
        f"address, {SITE}/competitions/NAME."
    )


def _too_large(competition: str, said: str, response: Any) -> str:
    del competition, response
    return (
        f"The file is too large for Kaggle (413){_colon(said)} Kaggle takes a zip of it, too; "
        "fewer digits make it smaller."
    )


def _too_often(competition: str, said: str, response: Any) -> str:
    del competition
    wait = str(response.headers.get("Retry-After", ""))
    when = f"in {wait} seconds" if wait.isdigit() else "in some minutes"
    return f"Kaggle was asked too often (429){_colon(said)} Run the same command again {when}."


_BY_STATUS: Mapping[int, Callable[[str, str, Any], str]] = {
    401: _bad_key,
    403: _forbidden,
    404: _unknown,
    413: _too_large,
    429: _too_often,
}
