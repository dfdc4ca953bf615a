"""Fitted blends: each makes one prediction from those of the members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from comps.base import Array
from ensembles.transforms import unchanged

if TYPE_CHECKING:
    from ensembles.sample import Floats


class Fitted(Protocol):
    """A blend that can be applied to new rows.

    Attributes:
        weights: [members] float64, non-negative, sum 1: the share of each member.
        gap: how much lower the mean loss of other weights could be at most; None if unknown.
    """

    @property
    def weights(self) -> Floats: ...

    @property
    def gap(self) -> float | None: ...

    def predict(self, predictions: Array) -> Floats:
        """Return the blend, [n] or [n, columns], of [n, members] or [n, members, columns]."""


_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


@dataclass(frozen=True, eq=False)
class WeightedMean:
    """The weighted mean of members.

    Attributes:
        weights: [members].
        gap: see `Fitted`.
    """

    weights: Floats
    gap: float | None = None

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`."""
        # In the predictions' own precision: so many are not there twice.
        weights = self.weights.astype(np.result_type(predictions.dtype, np.float32))
        mean: Floats = np.tensordot(predictions, weights, axes=(1, 0)).astype(np.float64)
        return mean


@dataclass(frozen=True, eq=False)
class TransformedMean:
    """The equal mean of transformed predictions, transformed back.

    Attributes:
        n_members: how many.
        forward: of any shape, value by value.
        back: the way back, of [n] or [n, classes].
    """

    n_members: int
    forward: Callable[[Floats], Floats]
    back: Callable[[Floats], Floats] = unchanged
    gap: None = None

    @property
    def weights(self) -> Floats:
        """[members], all equal."""
        return np.full(self.n_members, 1 / self.n_members)

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`."""
        members = np.moveaxis(predictions, 1, 0)
        total = np.zeros(members.shape[1:])
        for member in members:
            # In single precision, the next number to a probability of 1 would be 1.
            total += self.forward(member.astype(np.float64, copy=False))
        return self.back(total / self.n_members)


@dataclass(frozen=True, eq=False)
class ClassWeights:
    """A weighted mean of members with weights for each class; rows are normalised.

    Attributes:
        by_class: [members, classes], each column on the simplex.
    """

    by_class: Floats
    gap: None = None

    @property
    def weights(self) -> Floats:
        """[members], the mean over the classes."""
        mean: Floats = self.by_class.mean(axis=1)
        return mean

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`."""
        mean = np.einsum("nmc,mc->nc", predictions, self.by_class)
        normalised: Floats = mean / mean.sum(axis=1, keepdims=True)
        return normalised


@dataclass(frozen=True, eq=False)
class ByTarget:
    """A blend of each of several targets.

    Attributes:
        fits: one a target.
    """

    fits: Sequence[Fitted]

    @property
    def weights(self) -> Floats:
        """[members], the mean over the targets."""
        mean: Floats = np.mean([fit.weights for fit in self.fits], axis=0)
        return mean

    @property
    def gap(self) -> float | None:
        """The mean over the targets, if all are known."""
        gaps = [fit.gap for fit in self.fits if fit.gap is not None]
        return float(np.mean(gaps)) if len(gaps) == len(self.fits) else None

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`; [n, targets] of [n, members, targets]."""
        return np.stack(
            [fit.predict(predictions[:, :, place]) for place, fit in enumerate(self.fits)], axis=1
        )


@dataclass(frozen=True, eq=False)
class RankMean:
    """The mean of ranks among the rows that it was fitted on, as shares of 0 to 1.

    Attributes:
        ordered: [n, members], each column in ascending order.
    """

    ordered: Floats
    gap: None = None

    @property
    def weights(self) -> Floats:
        """[members], all equal."""
        n_members = self.ordered.shape[1]
        return np.full(n_members, 1 / n_members)

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`; ties have their mean rank."""
        n_rows, n_members = self.ordered.shape
        total = np.zeros(len(predictions))
        for column in range(n_members):
            for side in _SIDES:
                total += np.searchsorted(self.ordered[:, column], predictions[:, column], side)
        mean: Floats = total / (2 * n_rows * n_members)
        return mean


@dataclass(frozen=True, eq=False)
class MeanOfBlends:
    """The mean of several blends of the same members.

    Attributes:
        blends: at least one.
    """

    blends: Sequence[Fitted]
    gap: None = None

    @property
    def weights(self) -> Floats:
        """[members], the mean of theirs."""
        mean: Floats = np.mean([blend.weights for blend in self.blends], axis=0)
        return mean

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`."""
        mean: Floats = np.mean([blend.predict(predictions) for blend in self.blends], axis=0)
        return mean


def averaged(blends: Sequence[Fitted]) -> Fitted:
    """Return the mean of blends; of a single one, the blend itself."""
    return blends[0] if len(blends) == 1 else MeanOfBlends(blends)


@dataclass(frozen=True, eq=False)
class Stacked:
    """A model of the members' predictions.

    Attributes:
        columns: makes the columns of the estimator from [n, members] or [n, members, classes].
        answer: its prediction for such columns.
        weights: [members], the share of each.
    """

    columns: Callable[[Floats], Floats]
    answer: Callable[[Floats], Floats]
    weights: Floats
    gap: None = None

    def predict(self, predictions: Array) -> Floats:
        """See `Fitted`."""
        return self.answer(self.columns(predictions))
