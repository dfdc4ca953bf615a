"""`predict`: new rows by the trained models of a run that were kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import joblib
import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Features,
    Model,
    StoreError,
    UsageError,
    base_name,
    unknown_name,
)
from pipelines.api.choices import Options, RowChoices, checked_choice
from pipelines.api.progress import Progress
from pipelines.api.results import blend_members, checked_submission
from pipelines.api.stored import Stored, open_stored
from pipelines.basics.files import write_bytes
from pipelines.fitting.keeping import FittedModel
from pipelines.fitting.residual import Residual
from pipelines.results.kept import Kept
from pipelines.results.oof import OutOfFold, predicting
from pipelines.trainers import Context

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


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
    >>> made = pipelines.run("house-prices", models="median,ridge", runs=runs)
    >>> from comps.house_prices.competition import HOUSE_PRICES
    >>> again = predict("house-prices", HOUSE_PRICES.sample, runs=runs)
    >>> bool(abs(again["SalePrice"] / made.submission["SalePrice"] - 1).max() < 1e-6)
    True
    """
    options = Options.of(competition, choices)
    target = None if output is None else checked_choice("output", output, "Path")
    stored = open_stored(options, progress)
    table = predicted(stored, rows, member)
    if target is not None:
        write_bytes(target, table.to_csv(index=False).encode())
    return table


def predicted(stored: Stored, rows: Any, member: str | None = None) -> pd.DataFrame:
    """Return the predictions of new rows, in the form of the submission; see `predict`."""
    if member is not None and member not in stored.oofs:
        raise unknown_name("member", member, stored.oofs)
    dataset = _with_rows(stored, rows)
    new = replace(stored.experiment, dataset=dataset)
    fitted = KeptModels(stored, dataset)
    if member is not None:
        return checked_submission(new, fitted.test(member))
    chosen, _ = blend_members(stored.experiment, stored.oofs)
    used = {name for name, weight in zip(chosen.members, chosen.weights, strict=True) if weight}
    oofs = {
        name: replace(
            oof,
            # Members without a weight are multiplied by zero.
            test=fitted.test(name) if name in used else _zeros(oof, dataset),
            test_ids=dataset.test_ids,
        )
        for name, oof in stored.oofs.items()
    }
    # Fitted on the same out-of-fold predictions, the blend is the same.
    again, _ = blend_members(stored.experiment, oofs, chosen.method)
    return checked_submission(new, again.test, again.cuts)


def _zeros(oof: OutOfFold, dataset: Dataset) -> Floats:
    return np.zeros((len(dataset.test_ids), *oof.test.shape[1:]))


def _with_rows(stored: Stored, rows: Any) -> Dataset:
    """Return the rows of the run with other test rows.

    Raises:
        DataError: if they cannot be read as the competition's.
    """
    session = stored.session
    competition, path = session.competition, session.source.path
    if competition.with_test is None:
        if hasattr(rows, "columns"):
            raise UsageError(
                f"{competition.name} reads files of its own form: give a folder or an archive laid "
                "out as its own, not a table."
            )
        found = competition.load(Path(rows))
    else:
        found = competition.with_test(path, rows)
    if found.sample_submission is None:
        raise DataError(f"{rows} holds no rows to predict.")
    return found


class KeptModels:
    """The kept models of a run's members, which predict the test rows of a data set.

    Args:
        stored: the run.
        dataset: whose test rows are predicted.
    """

    def __init__(self, stored: Stored, dataset: Dataset) -> None:
        self._stored, self._dataset = stored, dataset
        self._threads = joblib.cpu_count()
        # Models share transformers, which take most of the time.
        self._features: dict[str, Features] = {}

    def test(self, member: str) -> Floats:
        """Return the predictions of a member, the mean over repeats and folds.

        Raises:
            UsageError: if a model of it was not kept.
        """
        parts = [part.astype(np.float64) for part in self.parts(member)]
        return np.asarray(np.mean(parts, axis=0))

    def parts(self, member: str) -> Iterator[NDArray[np.float32]]:
        """Yield the predictions of each model of a member."""
        stored, oof = self._stored, self._stored.oofs[member]
        competition = stored.session.competition
        model = self.declared(member)
        residual, plain = Residual.split(competition, self._dataset, model)
        for kept in self.kept(member):
            context = Context(
                competition.task,
                kept.n_classes,
                self._threads,
                stored.experiment.folds.growing,
                kept.n_targets,
            )
            fitted = FittedModel(kept, plain, context)
            predictor = fitted.model.at(oof.step)
            values = predictor.predict(self._transformed(kept, fitted))
            yield residual.added(values).astype(np.float32)

    def kept(self, member: str) -> Iterator[Kept]:
        """Yield the files of each model of a member: of all repeats and folds that predict.

        Raises:
            UsageError: if one was not kept.
            StoreError: if one is damaged.
        """
        stored, oof = self._stored, self._stored.oofs[member]
        store, name = stored.session.store, base_name(oof.model)
        if oof.imported:
            raise UsageError(
                f"{member} was imported: its models are where it was made. Name another member "
                "with --member, or blend without it."
            )
        for repeat in range(oof.n_repeats):
            for held in predicting(stored.experiment.folds):
                try:
                    kept = store.read_kept(name, oof.key, repeat, held)
                except FileNotFoundError:
                    raise UsageError(
                        f"The models of {member} were not kept. 'comps run "
                        f"{stored.session.competition.name}' with --keep-models all fits and keeps "
                        "them."
                    ) from None
                except StoreError as error:
                    raise StoreError(
                        f"{member}: {error} 'comps run {stored.session.competition.name}' fits it "
                        "again; nothing else is."
                    ) from error
                if kept.reason is not None:
                    raise UsageError(f"The models of {member} are not kept: {kept.reason}.")
                yield kept

    def declared(self, member: str) -> Model:
        """Return the declaration of a member, as it was trained."""
        session, run = self._stored.session, self._stored.run
        if session.options.models is None and run is not None:
            for recorded in run.members:
                if recorded.name == member:
                    return recorded.trained(session.competition)
        return next(model for model in session.models if model.member == member)

    def _transformed(self, kept: Kept, fitted: FittedModel) -> Features:
        content = kept.files.get("features.skops")
        if content is None:
            return self._dataset.test
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._features:
            self._features[digest] = fitted.features(self._dataset.test)
        return self._features[digest]
