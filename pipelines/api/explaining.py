"""`explain`: what the kept models of a run learned, asked about rows that they did not see."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    Images,
    RowSet,
    Task,
    Truth,
    UsageError,
    take,
    unknown_name,
)
from pipelines.api.choices import REQUIRED, Options, RowChoices, checked_choice
from pipelines.api.gathering import EXPLAINED
from pipelines.api.kept_models import FoldPredictor, KeptModels, used_members
from pipelines.api.progress import Progress
from pipelines.api.stored import Stored, open_stored
from pipelines.explanations.boosters import by_column, contributions, influenced
from pipelines.explanations.columns import grid_of, permuted, set_to
from pipelines.explanations.images import occlusion
from pipelines.explanations.rows import drawn
from pipelines.reports import plain

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
# So many columns get a partial dependence, the most important ones.
_DEPENDENT = 8
# Rows of a fold that a partial dependence is the mean of.
_DEPENDENCE_ROWS = 60
# Rows that are predicted at once: a table of more would take memory, and no less time.
_AT_ONCE = 50_000


@dataclass(frozen=True, eq=False)
class Explanation:
    """What models learned.

    Attributes:
        members: weights of the members that were asked.
        importance: a row for each column of the raw rows, the most important first: by how much the
            `metric` gets worse when its values are shuffled, the mean over the folds and the
            deviation between them, on rows of the fold that the model did not see; and the share of
            the boosters' gain. Empty where rows are not those of a table.
        dependence: of the most important columns: a value, and the mean prediction where all rows
            have that value, on the metric's scale (log dollars, probability), with the deviation
            between folds; of a probability the column `class` says of which class or label, and
            of several targets of which target.
        contributions: of some rows, by how much each column lifts the sum of trees of the boosters
            above its mean (on the scale of that sum, as log odds): a row for each row and column.
        occlusion: of images: by how much the prediction falls when a cell is covered.
        metric: that `importance` is measured in.
        rows: number of rows that were asked about.
        notes: what to know about them, such as folds that could not be scored.
    """

    members: Mapping[str, float]
    importance: pd.DataFrame
    dependence: pd.DataFrame
    contributions: pd.DataFrame
    occlusion: pd.DataFrame
    metric: str
    rows: int
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return importance and dependence as JSON values."""
        tables = {"importance": self.importance, "dependence": self.dependence}
        values = {"members": self.members, "metric": self.metric, "rows": self.rows}
        values["notes"] = list(self.notes)
        told = {name: table.to_dict("records") for name, table in tables.items()}
        found: Any = plain({**values, **told})
        return dict(found)

    def _repr_html_(self) -> str:
        """Return the importance of the columns, for a notebook."""
        return str(self.importance.to_html(index=False, float_format="{:.5f}".format))


def explain(
    competition: str | Competition,
    *,
    member: str | None = None,
    rows: int = 1000,
    shown: int = 10,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> Explanation:
    """Explain the blend of the last run, or one member, by its kept models; nothing is trained.

    Each model of a fold is asked about rows of that fold, which it was not trained on, so that what
    it learned by heart does not count. The blend is the mean of its members by their weights.
    Importance is that of L. Breiman, "Random Forests" (2001), partial dependence that of
    J. Friedman, "Greedy function approximation" (2001). Columns that say the same share their
    importance: shuffled alone, each looks as if it did not matter.

    Args:
        competition: a name, or your own.
        member: its models, in place of those of the blend.
        rows: that are asked about, drawn from all folds.
        shown: rows whose contributions, or covered images, are returned.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        UsageError: if a model that is needed was not kept, a number is not above zero, or no fold
            has rows of the classes that the metric needs.
        StoreError: if one is damaged.

    >>> import tempfile, pipelines
    >>> runs = tempfile.mkdtemp()
    >>> made = pipelines.run(
    ...     "house-prices", models="ridge", runs=runs, nested=False, engine="inline"
    ... )
    >>> found = explain("house-prices", rows=200, runs=runs)
    >>> "OverallQual" in found.importance["column"][:10].tolist()
    True
    """
    for name, value in (("rows", rows), ("shown", shown)):
        if checked_choice(name, value, "int", REQUIRED) < 1:
            raise UsageError(f"{name} must be above 0; {value} came.")
    stored = open_stored(Options.of(competition, choices), progress)
    asked = _Asked(stored, _members(stored, member), rows)
    if isinstance(stored.session.dataset.train, Images):
        return asked.of_images(shown)
    if not hasattr(stored.session.dataset.train, "columns"):
        raise UsageError(
            f"The rows of {stored.session.competition.name} are no table and no images: which of "
            "their values matter cannot be asked yet."
        )
    found = asked.of_table(shown)
    if member is None and stored.run is not None:
        # The report of the run shows it.
        stored.session.store.write_record(EXPLAINED, {"run": stored.run.name, **found.as_json()})
        stored.session.store.send()
    return found


def _members(stored: Stored, member: str | None) -> dict[str, float]:
    if member is None:
        chosen = stored.own_blend()
        return used_members(chosen.members, chosen.weights)
    if member not in stored.oofs:
        raise unknown_name("member", member, stored.oofs)
    return {member: 1.0}


class _Asked:
    """The models of some members, and rows of each fold that they did not see."""

    def __init__(self, stored: Stored, members: Mapping[str, float], rows: int) -> None:
        self.members, self.experiment = members, stored.experiment
        self.competition = stored.session.competition
        self.guide = self.competition.metric.guide
        dataset, folds = stored.experiment.dataset, stored.experiment.folds
        self.truth = Truth.of(self.competition.truth(dataset))
        each = max(1, rows // folds.n_folds)
        draw = np.random.default_rng(stored.experiment.seed)
        self.rows = []
        for held in folds.single:
            own = folds.rows(0, held)[1]
            codes = dataset.target[own] if self.competition.n_classes(dataset) else None
            self.rows.append(drawn(own, codes, each, draw))
        models = KeptModels(stored)
        self.models = [{name: models.fold(name, held) for name in members} for held in folds.single]

    @property
    def count(self) -> int:
        """The number of rows."""
        return sum(map(len, self.rows))

    def of_table(self, shown: int) -> Explanation:
        """Return what the models learned of a table's columns."""
        import pandas as pd

        columns: list[Any] = list(self._raw(0).columns)
        worse, gains, told = [], [], []
        for fold in range(len(self.rows)):
            rows = self._raw(fold)
            changed = permuted(rows, columns, seed=fold)
            base, other = self._predicted(fold, rows), self._predicted(fold, changed)
            truth = self.truth[self.rows[fold]]
            key = self._key(truth, base)
            blocks = np.split(other, len(columns))
            worse.append([self._key(truth, block) - key for block in blocks])
            own = self._of_boosters(fold, rows, changed, columns, max(1, shown // len(self.rows)))
            if own is not None:
                gains.append(own[0])
                told += own[1]
        scored, notes = self._scored(np.array(worse))
        table = pd.DataFrame(
            {
                "column": columns,
                "importance": np.mean(scored, axis=0),
                "deviation": np.std(scored, axis=0, ddof=1) if len(scored) > 1 else np.nan,
                "gain": np.mean(gains, axis=0) if gains else np.nan,
            }
        ).sort_values("importance", ascending=False, ignore_index=True, kind="stable")
        return Explanation(
            self.members,
            table,
            self._dependence(table["column"].tolist()[:_DEPENDENT]),
            pd.DataFrame(told, columns=["id", "column", "value", "contribution"]),
            pd.DataFrame(),
            self.guide.label,
            self.count,
            notes,
        )

    def _scored(self, worse: Floats) -> tuple[Floats, tuple[str, ...]]:
        """Return the losses of the folds that could be scored, and a note if there are others.

        Args:
            worse: [folds, columns], NaN where the rows of a fold lack a class.

        Raises:
            UsageError: if no fold could be scored.
        """
        there = np.isfinite(worse).all(axis=1)
        if there.all():
            return worse, ()
        if not there.any():
            raise UsageError(
                f"{self.guide.label} cannot be computed on the rows of any fold: they are too "
                "few, as where a class is lacking. Ask about more rows (--rows), or run with fewer "
                "folds."
            )
        return worse[there], (
            f"Importance is the mean over {there.sum()} of {len(worse)} folds: the rows of the "
            f"others are too few for {self.guide.label}, as where a class is lacking.",
        )

    def of_images(self, shown: int) -> Explanation:
        """Return which cells of some images matter."""
        import pandas as pd

        found, ids = [], self.experiment.dataset.train_ids
        each = max(1, shown // len(self.rows))
        for fold, rows in enumerate(self.rows):
            images = take(self.experiment.dataset.train, rows[:each])
            assert isinstance(images, Images)
            falls, whole = occlusion(images, self._predictor(fold))
            for place, row in enumerate(rows[:each]):
                for y, x in np.ndindex(falls.shape[1:]):
                    fall, own = falls[place, y, x], whole[place]
                    found.append({"id": ids[row], "y": y, "x": x, "fall": fall, "whole": own})
        empty = pd.DataFrame()
        return Explanation(
            self.members, empty, empty, empty, pd.DataFrame(found), self.guide.label, len(found)
        )

    def _raw(self, fold: int) -> pd.DataFrame:
        rows: Any = take(self.experiment.dataset.train, self.rows[fold])
        table: pd.DataFrame = rows.reset_index(drop=True)
        return table

    def _key(self, truth: Truth, values: Floats) -> float:
        """Return the score of predictions, the smaller the better."""
        return float(self.guide.sort_key(self.guide.score(truth, values)))

    def _predictor(self, fold: int) -> Callable[[RowSet], Array]:
        return lambda rows: self._predicted(fold, rows)

    def _predicted(self, fold: int, rows: RowSet) -> Floats:
        """Return the mean of the members' predictions by their weights."""
        parts = np.array_split(np.arange(len(rows)), -(-len(rows) // _AT_ONCE))
        return np.concatenate([self._part(fold, take(rows, part)) for part in parts])

    def _part(self, fold: int, rows: RowSet) -> Floats:
        known: dict[str, object] = {}
        total: Floats | float = 0.0
        for name, weight in self.members.items():
            model = self.models[fold][name]
            if model.digest not in known:
                known[model.digest] = model.features(rows)
            total = total + weight * np.asarray(model.predict(rows, known[model.digest]))
        return np.asarray(total)

    def _of_boosters(
        self, fold: int, rows: pd.DataFrame, changed: pd.DataFrame, columns: list[str], shown: int
    ) -> tuple[Floats, list[tuple[object, str, object, float]]] | None:
        """Return gains by column, and contributions to the first rows; None without boosters."""
        boosters = {
            name: model
            for name, model in self.models[fold].items()
            if hasattr(model.model, "contributions")
        }
        if not boosters:
            return None
        weight = sum(self.members[name] for name in boosters)
        gains, lifts = np.zeros(len(columns)), np.zeros((min(shown, len(rows)), len(columns)))
        for name, model in boosters.items():
            own = self._of_booster(model, rows, changed, len(columns), shown)
            if own is None:
                return None
            gains += self.members[name] / weight * own[0]
            lifts += self.members[name] / weight * own[1]
        ids = self.experiment.dataset.train_ids[self.rows[fold]]
        told = [
            (ids[row], column, rows[column].iloc[row], float(lift[place]))
            for row, lift in enumerate(lifts)
            for place, column in enumerate(columns)
        ]
        return gains, told

    def _of_booster(
        self,
        predictor: FoldPredictor,
        rows: pd.DataFrame,
        changed: pd.DataFrame,
        n_columns: int,
        shown: int,
    ) -> tuple[Floats, Floats] | None:
        features, other = predictor.features(rows), predictor.features(changed)
        if not isinstance(features, np.ndarray) or not isinstance(other, np.ndarray):
            return None
        influence = influenced(features, other, n_columns)
        values = contributions(predictor.model, features[:shown])
        gain = np.asarray(predictor.model.gains(), dtype=np.float64)  # type: ignore[attr-defined]
        if values is None or not gain.sum():
            return None
        return by_column(gain / gain.sum(), influence), by_column(values[:, :-1], influence)

    def _outputs(self, count: int) -> tuple[object, ...]:
        """Return the class, label or target of each prediction; nothing for one of values."""
        task = self.competition.task
        if task in (Task.BINARY, Task.MULTICLASS):
            labels = self.competition.labels(self.experiment.dataset)
            return labels[1:2] if count == 1 else labels
        several = count > 1 or task is Task.MULTILABEL
        return self.competition.target_columns if several else ()

    def _dependence(self, columns: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        whole: pd.DataFrame = self.experiment.dataset.train  # type: ignore[assignment]
        found = []
        for column in columns:
            grid = grid_of(whole[column])
            if not grid:
                continue
            means = []
            for fold in range(len(self.rows)):
                rows = self._raw(fold).head(_DEPENDENCE_ROWS)
                values = self._predicted(fold, set_to(rows, column, grid))
                means.append(values.reshape(len(grid), len(rows), -1).mean(axis=1))
            mean, spread = np.mean(means, axis=0), np.std(means, axis=0)
            names = self._outputs(mean.shape[1])
            for (place, output), prediction in np.ndenumerate(mean):
                found.append(
                    {
                        "column": column,
                        "value": grid[place],
                        **({"class": names[output]} if names else {}),
                        "prediction": prediction,
                        "deviation": spread[place, output],
                    }
                )
        return pd.DataFrame(found)
