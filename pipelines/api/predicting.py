"""`predict`: new rows by the trained models of a run that were kept."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Features,
    UsageError,
    some,
    unknown_name,
)
from ensembles import Blend
from pipelines.api.choices import Options, RowChoices, checked_choice
from pipelines.api.kept_models import KeptModels, Trained, used_members
from pipelines.api.progress import Progress
from pipelines.api.results import checked_submission
from pipelines.api.stored import open_stored
from pipelines.basics.files import write_bytes
from pipelines.store import Experiment

if TYPE_CHECKING:
    import pandas as pd


def predict(
    competition: str | Competition,
    rows: str | Path | pd.DataFrame,
    *,
    member: str | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> pd.DataFrame:
    """Predict new rows by the models of the last run, which were kept; nothing is trained.

    They are predicted as the run's test rows were: by the models of all folds and repeats, and the
    same blend. Predictions of the run's own test rows equal its submission, except for last bits.

    Args:
        competition: a name, or your own.
        rows: a file of rows as those of the test rows, a table in memory, or a folder or archive
            laid out as the competition's own.
        member: its predictions, in place of those of the blend.
        output: where they are written, as a CSV file.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Returns:
        A table in the form of the submission: ids, and values, probabilities or labels.

    Raises:
        UsageError: if a model that is needed was not kept.
        DataError: if the rows are not as those of the competition.
        StoreError: if a file is damaged.

    >>> import tempfile, pipelines
    >>> runs = tempfile.mkdtemp()
    >>> made = pipelines.run("house-prices", models="median,ridge", runs=runs, engine="inline")
    >>> from comps.house_prices.competition import HOUSE_PRICES
    >>> again = predict("house-prices", HOUSE_PRICES.sample, runs=runs)
    >>> bool(abs(again["SalePrice"] / made.submission["SalePrice"] - 1).max() < 1e-6)
    True
    """
    options = Options.of(competition, choices)
    target = None if output is None else checked_choice("output", output, "Path")
    stored = open_stored(options, progress)
    chosen = None if member is not None else stored.own_blend()
    table = predicted(stored, rows, member, chosen)
    if target is not None:
        write_bytes(target, table.to_csv(index=False).encode())
    return table


def predicted(
    trained: Trained, rows: Any, member: str | None = None, chosen: Blend | None = None
) -> pd.DataFrame:
    """Return the predictions of new rows, in the form of the submission; see `predict`.

    Args:
        trained: the members, and where their models are.
        rows: see `predict`.
        member: its predictions, in place of those of the blend.
        chosen: the blend of these members; None where a member is named.

    Raises:
        UsageError: if there is no such member, or neither a blend nor a member.
    """
    if member is not None and member not in trained.oofs:
        raise unknown_name("member", member, trained.oofs)
    if member is None and chosen is None:
        raise UsageError(_no_blend(trained))
    dataset = _with_rows(trained.experiment, rows)
    new = replace(trained.experiment, dataset=dataset)
    models, known = KeptModels(trained), dict[str, Features]()
    if member is not None:
        return checked_submission(new, models.test(member, dataset.test, known))
    assert chosen is not None and chosen.fitted is not None
    used = used_members(chosen.members, chosen.weights)
    form = trained.oofs[chosen.members[0]].test.shape[1:]
    parts = [
        models.test(name, dataset.test, known)
        if name in used
        # It is multiplied by zero.
        else np.zeros((len(dataset.test_ids), *form))
        for name in chosen.members
    ]
    return checked_submission(new, chosen.fitted.predict(np.stack(parts, axis=1)), chosen.cuts)


def _no_blend(trained: Trained) -> str:
    """Return what is wrong where neither a blend nor a member would predict."""
    members, metric = list(trained.oofs), trained.experiment.competition.metric
    best = members[metric.best([oof.score for oof in trained.oofs.values()])]
    return (
        f"There is no blend of {some(members)} here, as a cross-validation makes none: name the "
        f"member that predicts (member={best!r}), or blend them first: pipelines.blend("
        f"..., members={','.join(members)!r}) returns what predicts by the blend."
    )


def _with_rows(experiment: Experiment, rows: Any) -> Dataset:
    """Return the rows of an experiment with other test rows.

    Raises:
        DataError: if they cannot be read as the competition's.
    """
    competition, path = experiment.competition, experiment.data
    if competition.with_test is None:
        if hasattr(rows, "columns"):
            raise UsageError(
                f"{competition.name} reads files of its own form: give a folder or an archive laid "
                "out as its own, not a table."
            )
        # Without sealed rows and folds of a file, which are those of the training rows.
        found: Dataset = inspect.unwrap(competition.load)(Path(rows))
    else:
        found = competition.with_test(path, rows)
    if found.sample_submission is None:
        raise DataError(f"{rows} holds no rows to predict.")
    return found
