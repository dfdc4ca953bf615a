"""The choices of a call: named and typed, checked, and where they lead."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from comps.base import (
    Competition,
    Model,
    UsageError,
    unknown_name,
)
from comps.catalog import competition_names, find_competition, place_of
from comps.kinds.memory import InMemory
from comps.sources import runs_root
from pipelines.crossval.tensorboard import check_installed
from pipelines.store import RunStore


class RowChoices(TypedDict, total=False):
    """Which rows, in which folds, and where results are kept.

    Attributes:
        data: Kaggle's zip or a folder of its files; else `data/<competition>/`, else the sample.
        runs: the folder for results; else `$COMPS_RUNS`, else `runs`.
        folds: number of folds.
        scheme: of the folds, a name in `pipelines.folds.SCHEMES`.
        folds_file: table with the id and the `fold` of each training row, as `folds_table` returns
            it, in place of a scheme.
        seed: of every random choice, 0 unless given.
        sealed: share of the training rows that nothing is trained on or chosen by.
    """

    data: str | Path | None
    runs: str | Path | None
    folds: int | None
    scheme: str | None
    folds_file: str | Path | None
    seed: int | None
    sealed: float | None


class TrainingChoices(RowChoices, total=False):
    """What is trained, and where.

    Attributes:
        models: "default", "quick", "all", names with commas; or a list of names, models (`Model`),
            scikit-learn estimators and functions that build a Keras network, or one of these.
        settings: texts such as "lightgbm.learning_rate=0.02".
        repeats: of the folds, each shuffled anew.
        weights: a file of pretrained weights, for the models that take one.
        jobs: side by side; one a core unless given.
        engine: "local" (processes), "inline" (this process) or "ray" (a Ray cluster).
        address: of the Ray cluster, such as "auto" for the one that this machine belongs to; None
            takes that one, or starts one of this machine.
        job_limit: such as "30m": a job that takes longer is ended, and begins once more; 12 hours
            on a cluster, none on this machine unless given.
        job_needs: what a job takes of a machine of the cluster beside its cores, such as
            "gpu=0.5,memory=4GB".
        data_parallel: whether a network is trained on all GPUs at once.
        backend: of networks: "auto", "jax", "tensorflow" or "torch".
        precision: of networks: "float32" or "mixed".
        boosting_device: "cpu" or "gpu".
        tensorboard: whether learning curves are written for TensorBoard.
        tuned: whether parameters that `tune` found are used, if they gained enough.
        nested: whether the nested score is made; None makes it in `run`, up to 2,000 rows.
        quick: whether the cheapest models alone are trained.
        checks: whether `run` looks for leaks and shifts before it trains; True unless given.
        keep_models: which trained models of folds are kept to predict new rows: "all", those of
            the "blend", or "none".
    """

    models: object
    settings: Sequence[str] | None
    repeats: int | None
    weights: str | Path | None
    jobs: int | None
    engine: str
    address: str | None
    job_limit: str | None
    job_needs: str | None
    data_parallel: bool
    backend: str
    precision: str
    boosting_device: str
    tensorboard: bool
    tuned: bool
    nested: bool | None
    quick: bool
    checks: bool
    keep_models: str


# Which trained models stay, see `TrainingChoices`.
KEPT = ("all", "blend", "none")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of a call, checked; see `TrainingChoices`. None was not named."""

    competition: str | Competition
    data: Path | None = None
    runs: Path | None = None
    models: object = None
    folds: int | None = None
    repeats: int | None = None
    scheme: str | None = None
    folds_file: Path | None = None
    seed: int | None = None
    jobs: int | None = None
    engine: str = "local"
    address: str | None = None
    job_limit: str | None = None
    job_needs: str | None = None
    data_parallel: bool = False
    backend: str = "auto"
    precision: str = "float32"
    boosting_device: str = "cpu"
    tensorboard: bool = False
    settings: Sequence[str] | None = None
    quick: bool = False
    weights: Path | None = None
    tuned: bool = False
    sealed: float | None = None
    nested: bool | None = None
    checks: bool = True
    keep_models: str = "all"

    def __post_init__(self) -> None:
        for part in fields(self):
            if part.name not in ("competition", "models", "settings"):
                kind = str(part.type).removesuffix(" | None")
                value = checked_choice(part.name, getattr(self, part.name), kind, part.default)
                object.__setattr__(self, part.name, value)
        if isinstance(self.settings, str) or not isinstance(self.settings or (), (list, tuple)):
            raise UsageError(
                "settings takes a list of texts, such as ['ridge.alpha=3']; "
                f"{self.settings!r} came."
            )
        if self.weights is not None and not self.weights.is_file():
            raise UsageError(f"weights (--weights) takes a file; there is no file {self.weights}.")
        if self.folds_file is not None and not self.folds_file.is_file():
            raise UsageError(
                f"folds_file (--folds-file) takes a file; there is no file {self.folds_file}."
            )
        if self.folds_file is not None and self.scheme not in (None, "column"):
            raise UsageError(
                "folds_file (--folds-file) says the fold of each row: leave out scheme (--scheme)."
            )
        if self.keep_models not in KEPT:
            raise unknown_name("choice of keep_models (--keep-models)", self.keep_models, KEPT)
        if self.quick and self.models is not None:
            raise UsageError(
                "quick (--quick) names the models itself: leave out models (--models)."
            )
        if self.tensorboard:
            check_installed()

    @classmethod
    def of(cls, competition: str | Competition, choices: Mapping[str, Any]) -> Options:
        """Return the options of a call.

        Raises:
            UsageError: if a choice is unknown or wrong.
        """
        names = [part.name for part in fields(cls) if part.name != "competition"]
        for name in choices:
            if name not in names:
                raise unknown_name("choice called", name, names)
        loader = competition.load if isinstance(competition, Competition) else None
        if isinstance(loader, InMemory) and choices.get("data") is not None:
            raise UsageError("The rows of this competition are in memory: leave out `data`.")
        return cls(competition=competition, **choices)

    @property
    def named(self) -> dict[str, Any]:
        """The choices that are not the usual ones, by name, as JSON values."""
        found = {part.name: getattr(self, part.name) for part in fields(self)}
        usual = {part.name: part.default for part in fields(self)}
        del found["competition"]
        return {name: plain(value) for name, value in found.items() if value != usual[name]}


_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "True or False",
    "str": "a text",
    "Path": "a path",
}


# The usual value of what has to be given.
REQUIRED = object()


def checked_choice(name: str, value: Any, kind: str, usual: Any = None) -> Any:
    """Return the value of a choice as its type, of NumPy's numbers too.

    Args:
        name: of the choice.
        value: that came.
        kind: of `_KINDS`.
        usual: taken as it is; `REQUIRED` where there is none.

    Raises:
        UsageError: if it is something else.

    >>> checked_choice("folds", np.int64(3), "int")
    3
    """
    if value is usual:
        return value
    if kind == "bool":
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
    elif kind == "Path":
        if isinstance(value, (str, Path)):
            return Path(value)
    elif kind == "str":
        if isinstance(value, str):
            return value
    elif isinstance(value, Integral) and not isinstance(value, bool):
        return int(value) if kind == "int" else float(value)
    elif isinstance(value, Real) and kind == "float" and not isinstance(value, bool):
        return float(value)
    raise UsageError(f"{name} takes {_KINDS[kind]}; {value!r} came.")


def with_members(
    choices: Mapping[str, Any], members: object, called: str = "members"
) -> dict[str, Any]:
    """Return choices with the members that a call names by an argument of its own.

    Raises:
        UsageError: if they are named as `models`, too.
    """
    if "models" in choices:
        raise UsageError(f"This call takes `{called}`, not `models`.")
    return {**choices, "models": members}


def plain(value: Any) -> Any:
    """Return a choice as a JSON value; models that are no texts by their names."""
    if isinstance(value, Model):
        return value.member
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value) if isinstance(value, Path) else getattr(value, "__name__", repr(value))


def competition_of(options: Options) -> Competition:
    """Return the competition of a call.

    Raises:
        UsageError: if there is none of that name.
    """
    given = options.competition
    if isinstance(given, str):
        return find_competition(given)
    if not isinstance(given, Competition):
        raise UsageError(
            "The name of a competition, or one of your own, such as table_competition returns, was "
            f"expected; a {type(given).__name__} came."
        )
    if isinstance(inspect.unwrap(given.load), InMemory) and given.name in competition_names():
        raise UsageError(
            f"{given.name!r} is the name of a known competition ({place_of(given.name)}). Give "
            "yours another name: its results would be mixed with others."
        )
    return given


def store_of(options: Options) -> RunStore:
    """Return the store of a call's competition.

    Raises:
        StoreError: see `RunStore`.
    """
    return RunStore((options.runs or runs_root()) / competition_of(options).name)


def row_arguments(options: Options) -> str:
    """Return the options that say which rows, in which folds, as they are given to a command."""
    names = ("data", "runs", "folds", "scheme", "folds_file", "seed", "sealed")
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    return "".join(
        f" --{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in given.items()
    )


def parse_duration(text: str) -> float:
    """Return seconds for texts such as 90s, 10m, 1h30m or 600.

    >>> parse_duration("1h30m"), parse_duration("90")
    (5400.0, 90.0)

    Raises:
        UsageError: for anything else, and for zero.
    """
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    if re.fullmatch(r"\d+(\.\d+)?", text):
        seconds = float(text)
    elif re.fullmatch(r"(\d+(\.\d+)?[hms])+", text):
        parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
        seconds = sum(float(number) * units[unit] for number, unit in parts)
    else:
        raise UsageError(f"A time such as 90s, 10m or 1h30m was expected, not {text!r}.")
    if seconds <= 0:
        raise UsageError("The time limit must be more than zero.")
    return seconds
