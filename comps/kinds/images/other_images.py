"""Other images to predict in place of a competition's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from comps.base import DataError, Dataset, Images, UsageError
from comps.kinds.images.decoded import ImageFile, decode_into, fingerprint, is_image
from comps.kinds.images.layout import FORMS
from comps.kinds.images.tree import Tree
from comps.kinds.table.rows import template
from comps.reading.ids import checked_ids


@dataclass(frozen=True)
class OtherImages:
    """Reads a competition with other images to predict; see `Competition.with_test`.

    Attributes:
        load: the loader.
        is_own: whether files are laid out as the competition's own, so that the loader reads them.
        form: how images are named, a name in `FORMS`.
        id_column: of the submission.
        outputs: further columns of the submission.
    """

    # New rows are no table of which an exported folder could keep a few.
    of_tables: ClassVar[bool] = False

    load: Callable[[Path], Dataset]
    is_own: Callable[[Tree], bool]
    form: str
    id_column: str
    outputs: Sequence[str]

    def __call__(self, path: Path, rows: Any) -> Dataset:
        """Return the competition of a path with the images of a folder, an archive or a file.

        All images are taken, in the order of their paths, and named by these. They are scaled to
        the size of the training images.

        Raises:
            UsageError: if a table came.
            DataError: if there are no images, two have one name, or one cannot be decoded.
        """
        import pandas as pd

        if hasattr(rows, "columns"):
            raise UsageError("Images are predicted: give a folder, an archive or a file of them.")
        place = Path(rows)
        if place.is_file() and is_image(place.name):
            names, files = [place.name], [ImageFile(place.name, str(place), place.read_bytes)]
        else:
            tree = Tree(place)
            if self.is_own(tree):
                return self.load(place)
            names, files = tree.images, [tree.image(name) for name in tree.images]
        if not names:
            raise DataError(f"{place} holds no images to predict.")
        known = self.load(path)
        assert isinstance(known.train, Images)
        ids = checked_ids(
            pd.Series([FORMS[self.form](name, "") for name in names], dtype=object), str(place)
        )
        pixels = np.empty((len(files), *known.train.pixels.shape[1:]), dtype=np.uint8)
        stamps = decode_into(pixels, files)
        return replace(
            known,
            test=Images(pixels, np.arange(len(pixels))),
            test_ids=ids,
            sample_submission=template(ids, self.id_column, self.outputs),
            made_sample=True,
            fingerprint=fingerprint(known.fingerprint.encode(), names, stamps),
        )
