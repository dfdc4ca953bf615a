"""A competition's definition and the data that its loader returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base.checks import Check
from comps.base.errors import DataError, UsageError, some, unknown_name
from comps.base.forecasts import Forecasts
from comps.base.metric import Metric, Prediction
from comps.base.model import Family, Model
from comps.base.rows import RowSet
from comps.base.truth import Truth
from comps.base.values import Array

if TYPE_CHECKING:
    import pandas as pd


class Task(StrEnum):
    """The kind of the target."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    # Several labels a row, each of which is there or not.
    MULTILABEL = "multilabel"


@dataclass(frozen=True, eq=False)
class Dataset:
    """The rows of one competition, as raw as its files; nothing here was learned from data.

    Attributes:
        train: n training rows (a DataFrame for tables), without id and target.
        test: m test rows of the same form.
        target: [n] float64, in the target's own unit (dollars, degrees); class codes
            0..C-1 for classification. Of several targets [n, targets]: values, or for several
            labels 0 and 1.
        train_ids: [n] ids, unique.
        test_ids: [m] ids, unique.
        sample_submission: the competition's own template, which a submission must match; None
            where nothing is to be submitted.
        source: where the rows came from, for the user.
        fingerprint: of the files' content; equal content gives equal text. Keys of results take
            nothing else of the rows: it must follow from all that is said here, targets, weights,
            queries, groups, times and folds, too.
        groups: [n] group labels that must not be split by a fold (duplicates), or None.
        times: [n] time of each row where rows are ordered in time, or None.
        classes: labels as the submission has them, by class code; empty for regression.
        notes: what the user should know of the data, e.g. how many duplicates there are.
        weights: [n] float64 above zero, what each row counts for in training and in the metric;
            None where all count alike.
        queries: [n], equal for rows that the metric ranks together, or None. Where rows are
            drawn, they stay together as groups do, unless there are groups.
        folds: [n] int64, the fold of each row as the user numbered it, for the scheme "column";
            below zero for rows that are trained on in every fold and predicted in none. None where
            there is no such column.
        made_sample: whether the sample submission was made of the test ids, as none was given.
        forecasts: [n] what the training rows forecast, where `times` says when this was known; None
            of other rows.

    Raises:
        DataError: if the numbers of rows, ids and targets differ, or the columns of two tables, or
            a weight is not above zero.
    """

    train: RowSet
    test: RowSet
    target: NDArray[np.float64]
    train_ids: Array
    test_ids: Array
    sample_submission: pd.DataFrame | None
    source: str
    fingerprint: str
    groups: Array | None = None
    times: Array | None = None
    classes: tuple[object, ...] = ()
    notes: tuple[str, ...] = ()
    weights: NDArray[np.float64] | None = None
    queries: Array | None = None
    folds: NDArray[np.int64] | None = None
    made_sample: bool = False
    forecasts: Forecasts | None = None

    def __post_init__(self) -> None:
        for part, rows, ids in (
            ("training", self.train, self.train_ids),
            ("test", self.test, self.test_ids),
        ):
            if len(rows) != len(ids):
                raise DataError(f"{len(rows)} {part} rows came with {len(ids)} ids.")
        if len(self.target) != len(self.train_ids):
            raise DataError(
                f"{len(self.target)} targets came with {len(self.train_ids)} training rows."
            )
        for name in ("groups", "times", "weights", "queries", "folds", "forecasts"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.train_ids):
                raise DataError(
                    f"{len(values)} {name} came with {len(self.train_ids)} training rows."
                )
        if self.weights is not None:
            _check_weights(self.weights, self.train_ids)
        if hasattr(self.train, "columns") and hasattr(self.test, "columns"):
            _check_columns(list(self.train.columns), list(self.test.columns))

    @property
    def units(self) -> Array | None:
        """[n] labels of rows that stay together where rows are drawn: groups, or queries."""
        return self.queries if self.groups is None else self.groups

    @property
    def template(self) -> pd.DataFrame:
        """The sample submission.

        Raises:
            UsageError: if there is none.
        """
        if self.sample_submission is None:
            raise UsageError("There are no test rows, so that there is nothing to submit.")
        return self.sample_submission


def _check_weights(weights: NDArray[np.float64], ids: Array) -> None:
    """Check that every row counts for something.

    Raises:
        DataError: that names the first rows that do not.
    """
    bad = ~(np.isfinite(weights) & (weights > 0))
    if bad.any():
        rows = zip(ids[bad], weights[bad], strict=True)
        raise DataError(
            f"{int(bad.sum())} weights are not above 0: ids "
            f"{some(f'{row} ({weight:g})' for row, weight in rows)}. Leave out the rows that "
            "count for nothing."
        )


def _check_columns(train: list[object], test: list[object]) -> None:
    """Check that the test rows have the columns of the training rows, in the same order.

    Raises:
        DataError: that shows the difference.
    """
    if train == test:
        return
    missing = [name for name in train if name not in test]
    more = [name for name in test if name not in train]
    differences = [
        f"{what}: {some(map(repr, names))}"
        for what, names in (
            ("missing from the test rows", missing),
            ("in the test rows alone", more),
        )
        if names
    ]
    raise DataError(
        "The columns of the training and the test rows differ. "
        + ("; ".join(differences) or f"Their order or number does: {_first_moved(train, test)}")
        + ". Give both parts the same columns, without id and target, in one order."
    )


def _first_moved(train: list[object], test: list[object]) -> str:
    """Return where columns of the same names begin to differ."""
    pairs = list(zip(train, test, strict=False))
    place = next((i for i, (one, other) in enumerate(pairs) if one != other), None)
    if place is None:
        return f"{len(train)} columns and {len(test)}"
    return f"column {place + 1} is {train[place]!r} and {test[place]!r}"


@dataclass(frozen=True)
class Competition:
    """The definition of a competition: all that the harness knows of it.

    Attributes:
        name: as on the command line, e.g. "house-prices".
        title: Kaggle's title.
        task: what is predicted.
        metric: decides which predictions are better.
        load: `(path) -> Dataset` from Kaggle's zip or a folder of its files.
        with_test: `(path, rows) -> Dataset`, the same with other test rows: a file of them, or a
            table in memory; None where `load` alone knows how its files are read. A reader whose
            rows are no table has an attribute `of_tables` that is False.
        models: the zoo; names are unique, and exactly one is the common-sense baseline.
        sample: the bundled sample, a path that `load` takes; None where there is none.
        archive: file name of Kaggle's zip; empty where there is none.
        id_column: of the submission.
        target_columns: of the submission.
        scheme: default fold scheme, a name in `pipelines.folds`.
        n_folds: default number of folds.
        submits: what the submission holds: values, probabilities of class 1, or labels.
        gap: of a time-ordered scheme, see `pipelines.folds.FoldInput`.
        also: further metrics, shown beside the one that decides.
        valid_range: lowest and highest value that a submission may hold, in its own unit; labels
            are checked against those of the training target instead.
        offset: `(rows) -> [n]` or `[n, targets]`, a forecast on the metric's scale that needs no
            training. A model with the parameter `residual` learns to correct it.
        transformers: the features of a model of the user's that names none, by its family; see
            `Model.features`.
        data: where its files are, unless a call or the folder for downloads says otherwise.
        checks: the user's own, which look at the rows beside those that come with the package.
        ignore: codes of checks that are left out.
        together: column of the submission that holds the labels of a row with blanks between them,
            in place of `target_columns`, which are the labels; empty where each has a column.

    Raises:
        UsageError: if the zoo is not as said above.
    """

    name: str
    title: str
    task: Task
    metric: Metric
    load: Callable[[Path], Dataset]
    models: tuple[Model, ...]
    sample: Path | None
    archive: str
    id_column: str
    target_columns: tuple[str, ...]
    scheme: str = "kfold"
    n_folds: int = 5
    submits: Prediction = Prediction.VALUE
    gap: np.timedelta64 | float | None = None
    also: tuple[Metric, ...] = ()
    valid_range: tuple[float, float] = (-np.inf, np.inf)
    offset: Callable[[Any], NDArray[np.float64]] | None = None
    transformers: Mapping[Family, Callable[[], Any]] = field(default_factory=dict)
    data: Path | None = None
    checks: tuple[Check, ...] = ()
    ignore: tuple[str, ...] = ()
    with_test: Callable[[Path, Any], Dataset] | None = None
    together: str = ""

    def __post_init__(self) -> None:
        names = [model.name for model in self.models]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"Two models of the competition {self.name!r} are called {twice!r}. Give one "
                f"another name, as in estimator(Ridge(), name='my-{twice}')."
            )
        if self.together and self.submits is not Prediction.LABEL:
            raise UsageError(
                f"The column {self.together!r} of a submission holds labels, which "
                f"{self.metric.label} does not judge. Name a metric of labels, such as f1_macro, "
                "or a column for each label (outputs=[...])."
            )
        if sum(model.family == "baseline" for model in self.models) != 1:
            raise UsageError(
                f"Competition {self.name!r} needs exactly one model of the family 'baseline'."
            )

    @property
    def submitted(self) -> tuple[str, ...]:
        """The columns of a submission behind the ids, as files have them."""
        return (self.together,) if self.together else self.target_columns

    @property
    def baseline(self) -> Model:
        """The common-sense model that every other one has to beat."""
        return next(model for model in self.models if model.family == "baseline")

    def scaled_target(self, dataset: Dataset) -> NDArray[np.float64]:
        """Return the training target on the metric's scale, [n] or [n, targets] float64."""
        scaled: NDArray[np.float64] = self.metric.scale.forward(dataset.target)
        return scaled

    def truth(self, dataset: Dataset) -> Truth:
        """Return what predictions of the training rows are scored against."""
        return Truth(self.scaled_target(dataset), dataset.weights, dataset.queries)

    def n_classes(self, dataset: Dataset) -> int:
        """Return the number of classes in the whole training target.

        It is 0 for regression, and 2 where there are several labels.
        """
        return 0 if self.task is Task.REGRESSION else int(dataset.target.max()) + 1

    def labels(self, dataset: Dataset) -> tuple[object, ...]:
        """Return the labels of the training target by class code; the codes if it names none."""
        return dataset.classes or tuple(range(self.n_classes(dataset)))

    def model(self, name: str) -> Model:
        """Return the model of that name.

        Raises:
            UsageError: if there is none; the message lists the close names.
        """
        for model in self.models:
            if model.name == name:
                return model
        raise unknown_name("model", name, (model.name for model in self.models))
