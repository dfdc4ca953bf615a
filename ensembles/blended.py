"""`Blend`: one prediction, made from those of the members, with its fitted and its honest score."""

from __future__ import annotations

from dataclasses import dataclass

from comps.base import Cuts
from ensembles.fitted import Fitted
from ensembles.methods import parts_of
from ensembles.sample import Floats
from pipelines.results.inner import Estimate


@dataclass(frozen=True, eq=False)
class Blend:
    """One prediction, made from those of the members.

    Attributes:
        method: a name in `METHODS`, or several with plus signs, for the mean of these blends.
        members: names of the models.
        weights: [members] float64, non-negative, sum 1: the share of each member.
        fitted_score: on the rows that the blend was fitted on; too good.
        honest_score: of `judged`. For a metric of the order of rows alone, the mean within folds,
            because models of different folds need not agree on a level.
        estimate: how the honest score was made; see `pipelines.results.inner`.
        honest: [n], [n, classes] or [n, targets] float64: each fold predicted with everything
            chosen on its inner folds, the method too where it was chosen by its score; NaN where
            nothing is predicted.
        pooled_score: of `judged` over all rows at once, the folds together.
        test: [m], [m, classes] or [m, targets] float64 test predictions, on the metric's scale.
        gap: how much lower the mean loss of other weights could be at most, where that is known.
        cuts: cut points that make labels of predictions, fitted on the honest predictions of all
            rows; None where the most probable classes do as well, or no labels are needed.
        decided: zeros and ones in the form of `honest` for the labels of each fold, whose cut
            points were fitted on its inner folds; None where the metric needs no labels.
        fitted: what makes `test`, and the blend of other rows, of the members' predictions.
    """

    method: str
    members: tuple[str, ...]
    weights: Floats
    fitted_score: float
    honest_score: float
    estimate: Estimate
    honest: Floats
    pooled_score: float
    test: Floats
    gap: float | None = None
    cuts: Cuts | None = None
    decided: Floats | None = None
    fitted: Fitted | None = None

    @property
    def judged(self) -> Floats:
        """The honest predictions that are scored: as labels, where the metric needs these."""
        return self.honest if self.decided is None else self.decided

    def __repr__(self) -> str:
        """Return the method, the weights by member and the honest score."""
        pairs = zip(self.members, self.weights, strict=True)
        weights = ", ".join(f"{name} {weight:.3f}" for name, weight in pairs)
        cuts = "" if self.cuts is None else f", cut points {self.cuts}"
        return f"Blend({self.method}: {weights}; {self.estimate} {self.honest_score:.5g}{cuts})"

    @property
    def parts(self) -> tuple[str, ...]:
        """The methods that are averaged; one, if the blend is not a mean of blends."""
        return parts_of(self.method)
