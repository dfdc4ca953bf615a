"""What goes to Kaggle and comes from it, carried by the official client."""

from submissions.kaggle.client import Kaggle, Limits, Sent, Submitted, connect
from submissions.kaggle.downloads import Archive
from submissions.kaggle.errors import DeniedError, KaggleError, LostError, UnknownError, rules_of

__all__ = [
    "Archive",
    "DeniedError",
    "Kaggle",
    "KaggleError",
    "Limits",
    "LostError",
    "Sent",
    "Submitted",
    "UnknownError",
    "connect",
    "rules_of",
]
