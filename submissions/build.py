"""Build a submission from test predictions, joined on ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comps.base import Array, Competition, Cuts, Dataset, UsageError
from submissions.forms import columns_of

if TYPE_CHECKING:
    import pandas as pd


def build_submission(
    competition: Competition, dataset: Dataset, test: Array, cuts: Cuts | None = None
) -> pd.DataFrame:
    """Return a submission in the sample submission's order of ids and columns.

    Args:
        competition: gives the scale of the metric and the names of the columns.
        dataset: gives the test ids that the predictions belong to, and the sample.
        test: [m] or [m, columns] predictions on the metric's scale, in the order of
            `dataset.test_ids`. They are taken back to the target's own unit. Probabilities of
            classes go to the columns that the labels name; or in the order of the codes to those
            of the competition, where these have other names.
        cuts: by which probabilities become labels; None takes the most probable class.

    Raises:
        UsageError: if there are not as many predictions as test ids or columns, or no sample
            submission.
    """
    import pandas as pd

    if len(test) != len(dataset.test_ids):
        raise UsageError(
            f"{len(dataset.test_ids)} test predictions were expected; there are {len(test)}."
        )
    predictions = pd.DataFrame(
        columns_of(competition, dataset, test, cuts),
        index=pd.Index(dataset.test_ids).astype(str),
    )
    sample = dataset.template
    order = sample[competition.id_column].astype(str)
    # Ids without a prediction become NaN here, and the check names them.
    joined = predictions.reindex(order).reset_index(drop=True)
    joined.insert(0, competition.id_column, sample[competition.id_column].to_numpy())
    return joined[[column for column in sample.columns if column in joined.columns]]
