"""Kinds of work that a limited time may be spent on, and which of them comes next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pipelines.engines.jobs import Job

# So many times the seconds that it declares are kept for a model whose preview goes on.
AWAITED_MARGIN = 1.5


class Stage(IntEnum):
    """Kinds of work; what has a smaller number goes first."""

    BEGUN = 0
    CHEAP = 1
    PREVIEW = 2
    FIRST = 3
    # The preview of a model that is too slow by what it declares, which may be wrong.
    DARING = 4
    PAIRS_ASKED = 5
    # The second repeat of a member with much weight.
    SECOND = 6
    # Models that gain nothing on their preview: one fold may be wrong.
    DOUBTFUL = 7
    FURTHER_PREVIEW = 8
    FURTHER = 9
    # A member that comes after the pairs of the others would need some, too.
    PAIRS_CHEAP = 10
    REPEAT = 11
    PAIRS = 12
    # Of tables: the third repeat of all members with weight, and those after it.
    LATER_ROUND = 13


@dataclass(frozen=True)
class Offer:
    """Work that could be done next.

    Attributes:
        jobs: of which one is begun now.
        stage: its kind.
        seconds: until it is of use; work that cannot end in time is none.
        gain: what it is expected to bring, in any unit that is the same within its stage.
        preview_seconds: that a preview takes alone; None where everything is done.
        awaited: whether the preview of this model goes on, which may be the one that gains most.
    """

    jobs: Sequence[Job]
    stage: Stage
    seconds: float
    gain: float = 0.0
    preview_seconds: float | None = None
    awaited: bool = False

    @property
    def order(self) -> tuple[int, float, float]:
        """What is smallest is done first: the stage, then the gain a second, then the seconds."""
        return self.stage, -self.gain / max(self.seconds, 1e-9), self.seconds


def best_offer(offers: Sequence[Offer], seconds_left: float) -> Offer | None:
    """Return the work to begin next, or None where nothing can end in time.

    It has the greatest gain a second of the first stage that there is. Neither previews nor
    models that gain less may take the time that the model with the greatest gain needs, however
    long it takes: else a few weak and cheap models would crowd out the strong one. What is awaited
    may be that model, and may take longer than it declares.

    Args:
        offers: what could be done.
        seconds_left: until the deadline.

    >>> weak, strong = Offer([], Stage.FIRST, 4.0, 2.0), Offer([], Stage.FIRST, 8.0, 3.0)
    >>> best_offer([weak, strong], 12.0) is weak, best_offer([weak, strong], 11.0) is strong
    (True, True)
    """
    fitting = [offer for offer in offers if offer.seconds <= seconds_left]
    firsts = [offer for offer in fitting if offer.stage is Stage.FIRST]
    most = max(firsts, key=lambda offer: (offer.awaited, offer.gain, offer.seconds), default=None)
    margin = AWAITED_MARGIN if most is not None and most.awaited else 1.0
    for offer in sorted(fitting, key=lambda offer: offer.order):
        if most is None or offer is most or offer.stage < Stage.PREVIEW:
            return offer
        takes = offer.seconds if offer.preview_seconds is None else offer.preview_seconds
        if takes + margin * most.seconds <= seconds_left:
            return offer
    return None
