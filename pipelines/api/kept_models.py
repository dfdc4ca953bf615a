"""The trained models of a run that were kept, ready to predict."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import joblib
import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    Features,
    Model,
    RowSet,
    StoreError,
    UsageError,
    base_name,
)
from pipelines.fitting.keeping import FEATURES, FittedModel
from pipelines.fitting.residual import PARAMETER, Residual
from pipelines.folds import Held
from pipelines.results.kept import Kept
from pipelines.results.oof import OutOfFold, predicting
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, FoldModel

Floats = NDArray[np.float64]


class Trained(Protocol):
    """Members whose models may have been kept: those of a stored run, or of a result."""

    @property
    def experiment(self) -> Experiment:
        """Competition, rows, folds and seed that they were trained on."""

    @property
    def oofs(self) -> Mapping[str, OutOfFold]:
        """Predictions by member."""

    @property
    def store(self) -> RunStore:
        """Where the models are."""

    def declared(self, member: str) -> Model:
        """Return the declaration of a member, as it was trained."""


@dataclass(frozen=True, eq=False)
class FoldPredictor:
    """The kept model of one fold, at its stopping point.

    Attributes:
        competition: gives the forecast whose residual may have been learned.
        model: that predicts features.
        fitted: that makes them.
        digest: equal for models of the same transformer.
        residual: whether the forecast is added.
    """

    competition: Competition
    model: FoldModel
    fitted: FittedModel
    digest: str
    residual: bool

    def features(self, rows: RowSet) -> Features:
        """Return the features of raw rows."""
        return self.fitted.features(rows)

    def predict(self, rows: RowSet, features: Features) -> Array:
        """Return predictions on the metric's scale, [rows] or [rows, ...]."""
        values = self.model.predict(features)
        if not self.residual:
            return values
        assert self.competition.offset is not None
        return values + self.competition.offset(rows)


class KeptModels:
    """The kept models of some members.

    Args:
        trained: the members.
    """

    def __init__(self, trained: Trained) -> None:
        self._trained, self._threads = trained, joblib.cpu_count()

    def test(self, member: str, rows: RowSet, known: dict[str, Features]) -> Floats:
        """Return the predictions of a member for test rows, the mean over repeats and folds.

        Args:
            member: one of them.
            rows: [m] raw rows.
            known: features by digest, for models share transformers, which take most of the time.

        Raises:
            UsageError: if a model of it was not kept.
        """
        parts = []
        for repeat in range(self._trained.oofs[member].n_repeats):
            for held in predicting(self._trained.experiment.folds):
                own = self.fold(member, held, repeat)
                if own.digest not in known:
                    known[own.digest] = own.features(rows)
                parts.append(own.predict(rows, known[own.digest]).astype(np.float32))
        # In float32, as the run stores them.
        return np.asarray(np.mean([part.astype(np.float64) for part in parts], axis=0))

    def fold(self, member: str, held: Held, repeat: int = 0) -> FoldPredictor:
        """Return the model of a member that some folds were held out of.

        Raises:
            UsageError: if it was not kept.
            StoreError: if it is damaged.
        """
        # Imported members are refused before their declaration is asked for: they have none.
        kept = self._kept(member, held, repeat)
        oof, model = self._trained.oofs[member], self.declared(member)
        fitted = self._fitted(kept, model)
        content = kept.files.get(FEATURES, b"")
        return FoldPredictor(
            self._trained.experiment.competition,
            fitted.model.at(oof.step),
            fitted,
            hashlib.sha256(content).hexdigest(),
            bool(model.params.get(PARAMETER, False)),
        )

    def final(self, member: str, held: Held, repeat: int = 0) -> Kept:
        """Return the files of the model that `fold` returns, which has the stages used alone.

        Raises:
            UsageError: if it was not kept.
            StoreError: if it is damaged.
        """
        kept = self._kept(member, held, repeat)
        if kept.step is not None:
            return kept
        final = self._fitted(kept, self.declared(member)).at(self._trained.oofs[member].step)
        if final.reason is not None:
            raise _not_kept(member, final.reason)
        return final

    def _fitted(self, kept: Kept, model: Model) -> FittedModel:
        experiment = self._trained.experiment
        context = Context(
            experiment.competition.task,
            kept.n_classes,
            self._threads,
            experiment.folds.growing,
            kept.n_targets,
        )
        return FittedModel(kept, Residual.without(model), context)

    def _kept(self, member: str, held: Held, repeat: int) -> Kept:
        oof = self._trained.oofs[member]
        name = self._trained.experiment.competition.name
        if oof.imported:
            raise UsageError(
                f"{member} was imported: its models are where it was made. Name another member "
                "with --member, or blend without it: 'comps predict' and pipelines.predict() leave "
                "out what was imported."
            )
        try:
            kept = self._trained.store.read_kept(base_name(oof.model), oof.key, repeat, held)
        except FileNotFoundError:
            raise UsageError(
                f"The models of {member} were not kept. 'comps run {name}' with --keep-models all "
                "fits and keeps them."
            ) from None
        except StoreError as error:
            raise StoreError(
                f"{member}: {error} 'comps run {name}' fits it again; nothing else is."
            ) from error
        if kept.reason is not None:
            raise _not_kept(member, kept.reason)
        return kept

    def declared(self, member: str) -> Model:
        """Return the declaration of a member, as it was trained."""
        return self._trained.declared(member)


def _not_kept(member: str, reason: str) -> UsageError:
    return UsageError(f"The models of {member} are not kept: {reason}.")


def used_members(members: Sequence[str], weights: Floats) -> dict[str, float]:
    """Return the members that have a weight in a blend, with it.

    >>> used_members(["a", "b"], np.array([1.0, 0.0]))
    {'a': 1.0}
    """
    pairs = zip(members, weights.tolist(), strict=True)
    return {member: weight for member, weight in pairs if weight > 0}
