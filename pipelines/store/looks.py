"""The record of looks at the sealed part: what was scored on it, and how often.

`looks` of `sealed.json` in the run store has an entry for each look, the oldest first. Parts of the
same data overlap for any two shares, so that looks at them count together.
"""

from __future__ import annotations

from collections.abc import Mapping

from comps.base import Array, StoreError
from pipelines.basics.files import read_json
from pipelines.basics.fingerprint import fingerprint
from pipelines.results.sealed import SealedPart
from pipelines.store import RunStore

FILE = "sealed.json"


def record_look(
    store: RunStore, part: SealedPart, predictions: Array, details: Mapping[str, object]
) -> int:
    """Record that predictions were scored, unless the same predictions were scored before.

    The caller holds `store.writing()`.

    Args:
        store: where the record is kept.
        part: what is looked at.
        predictions: [k] or [k, classes], of the sealed rows.
        details: JSON values that say what was scored, and its score.

    Returns:
        The number of looks at sealed rows of these data, with this one.

    Raises:
        StoreError: if the record is damaged or cannot be written.
    """
    looks = read_looks(store)
    look = {
        **details,
        "data": part.data,
        "share": part.share,
        "seed": part.seed,
        "rows": len(part.target),
        "predictions": fingerprint(part.ids, predictions),
    }
    identity = ("data", "predictions")
    if all(any(other[name] != look[name] for name in identity) for other in looks):
        looks.append(look)
        store.write_record(FILE, {"looks": looks})
    return sum(other["data"] == part.data for other in looks)


def read_looks(store: RunStore) -> list[dict[str, object]]:
    """Return the looks so far, the oldest first.

    Raises:
        StoreError: if the record is damaged.
    """
    path = store.root / FILE
    try:
        found = read_json(path)
        # Earlier versions wrote the list alone.
        looks = found["looks"] if isinstance(found, dict) else found
        if not all({"data", "predictions"} <= look.keys() for look in looks):
            raise ValueError("an entry is incomplete")
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise StoreError(
            f"{path} cannot be read, so that it is not known how often the sealed part was looked "
            "at. Put it right, or delete it and count anew."
        ) from error
    return list(looks)
