"""D005: images that stand there twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from comps.base import Finding, Images, NotSuitedError, Severity, Subject

_SHOWN = 20
# Pixels that are read: a minute of hashing helps nobody who waits for a first score.
_MOST_BYTES = 2_000_000_000


class TwiceImages:
    """Counts images with the same pixels."""

    code = "D005"
    title = "An image stands there twice"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        train, test = subject.train, subject.test
        if not isinstance(train, Images) or not isinstance(test, Images):
            raise NotSuitedError(f"the rows are no images but {type(train).__name__}")
        bytes_of_one = int(np.prod(train.pixels.shape[1:]))
        if bytes_of_one * (len(train) + len(test)) > _MOST_BYTES:
            raise NotSuitedError("the images are too many to be compared quickly")
        first, second = (_digests(part) for part in (train, test))
        _, codes, counts = np.unique(first, return_inverse=True, return_counts=True)
        repeated = counts[codes] > 1
        known = int(np.isin(second, first).sum())
        if repeated.any() or known:
            yield Finding(
                text=f"{int(repeated.sum())} of {len(first)} training images have the pixels of "
                f"another one, and {known} of {len(second)} test images those of a training image.",
                rows=tuple(np.flatnonzero(repeated)[:_SHOWN].tolist()),
                values={"train": int(repeated.sum()), "test": known},
                severity=Severity.NOTE
                if subject.dataset.groups is not None and not known
                else Severity.WARNING,
            )


def _digests(images: Images) -> np.ndarray:
    return np.array(
        [
            hashlib.blake2b(images.pixels[at].tobytes(), digest_size=16).digest()
            for at in images.index
        ]
    )
