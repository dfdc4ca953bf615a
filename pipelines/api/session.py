"""What a call was asked for, and the session that it opens: competition, rows, folds, store."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Competition,
    Dataset,
    Family,
    Model,
    UsageError,
    base_name,
    parse_member,
    parse_setting,
    split_names,
    unknown_name,
)
from comps.catalog import competition_names, find_competition
from comps.declared import as_model, with_features
from comps.kinds.memory import InMemory
from comps.sources import Source, find_source, runs_root
from pipelines.crossval.tensorboard import check_installed
from pipelines.engines import Engine, make_engine
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.sealed import SealedLoader, SealedPart, seal_competition
from pipelines.store import Experiment, RunStore
from pipelines.trainers.backends import placed
from pipelines.tuning.best import Use, tuned


class RowChoices(TypedDict, total=False):
    """Which rows, in which folds, and where results are kept.

    Attributes:
        data: Kaggle's zip or a folder of its files; else `data/<competition>/`, else the sample.
        runs: the folder for results; else `$COMPS_RUNS`, else `runs`.
        folds: number of folds.
        scheme: of the folds, a name in `pipelines.folds.SCHEMES`.
        seed: of every random choice, 0 unless given.
        sealed: share of the training rows that nothing is trained on or chosen by.
    """

    data: str | Path | None
    runs: str | Path | None
    folds: int | None
    scheme: str | None
    seed: int | None
    sealed: float | None


class TrainingChoices(RowChoices, total=False):
    """What is trained, and where.

    Attributes:
        models: "default", "quick", "all", names with commas; or a list of names, `Model`s,
            scikit-learn estimators and functions that build a Keras network, or one of these.
        settings: texts such as "lightgbm.learning_rate=0.02".
        repeats: of the folds, each shuffled anew.
        weights: a file of pretrained weights, for the models that take one.
        jobs: side by side; one a core unless given.
        engine: "local" (processes) or "inline" (this process).
        data_parallel: whether a network is trained on all GPUs at once.
        backend: of networks: "auto", "jax", "tensorflow" or "torch".
        precision: of networks: "float32" or "mixed".
        boosting_device: "cpu" or "gpu".
        tensorboard: whether learning curves are written for TensorBoard.
        tuned: whether parameters that `tune` found are used, if they gained enough.
        nested: whether the nested score is made; None makes it up to 2,000 rows.
        quick: whether the cheapest models alone are trained.
    """

    models: object
    settings: Sequence[str] | None
    repeats: int | None
    weights: str | Path | None
    jobs: int | None
    engine: str
    data_parallel: bool
    backend: str
    precision: str
    boosting_device: str
    tensorboard: bool
    tuned: bool
    nested: bool | None
    quick: bool


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
    seed: int | None = None
    jobs: int | None = None
    engine: str = "local"
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
            raise UsageError(f"--weights takes a file; there is no file {self.weights}.")
        if self.quick and self.models is not None:
            raise UsageError("--quick names the models itself: leave out --models.")
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


def plain(value: Any) -> Any:
    """Return a choice as a JSON value; models that are no texts by their names."""
    if isinstance(value, Model):
        return value.member
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value) if isinstance(value, Path) else getattr(value, "__name__", repr(value))


class Session:
    """A competition with its data, folds and store, as the options say.

    Args:
        options: of the command.
        imported: whether names of imported members may be among those of models.

    Raises:
        WorkbenchError: if an option is wrong or the data cannot be read.
    """

    def __init__(self, options: Options, *, imported: bool = False) -> None:
        self.options = options
        self.seed = 0 if options.seed is None else options.seed
        self.competition, names = _with_given(competition_of(options), options.models)
        self.store = store_of(options)
        if options.sealed is not None:
            self.competition = seal_competition(self.competition, options.sealed)
        names = "quick" if options.quick else names
        self.imported: list[str] = []
        if imported and names is not None:
            names, self.imported = split_imported(self.competition, self.store, names)
        settings = list(options.settings or [])
        self.models = (
            []
            if self.imported and not names
            else select_models(self.competition, names, settings, options.weights, self._placed)
        )
        self.source: Source = find_source(self.competition, options.data)
        self.tuned: list[Use] = []
        if options.tuned:
            given, data = _changes(settings), self.dataset.fingerprint
            self.models, self.tuned = tuned(
                self.store, self.models, self.competition.metric, given, data
            )
        self.notes = [use.text for use in self.tuned]

    def _placed(self, model: Model) -> Model:
        options = self.options
        return placed(model, options.backend, options.precision, options.boosting_device)

    def introduction(self) -> list[str]:
        """Return which rows are used, and what the user should know of them."""
        first = f"Data: {self.source}"
        if self.source.bundled:
            first = (
                f"No files in data/{self.competition.name}/: using the bundled sample. "
                f"Put Kaggle's {self.competition.archive} there, or name it with --data."
            )
        return [first, *self.dataset.notes, *self.notes]

    @property
    def dataset(self) -> Dataset:
        """The rows, loaded when they are first needed."""
        return self._loaded[0]

    @property
    def sealed(self) -> SealedPart | None:
        """The targets of the sealed rows, to be looked at once at the end."""
        return self._loaded[1]

    @cached_property
    def _loaded(self) -> tuple[Dataset, SealedPart | None]:
        load = self.competition.load
        if isinstance(load, SealedLoader):
            return load.open(self.source.path)
        return load(self.source.path), None

    @cached_property
    def target(self) -> NDArray[np.float64]:
        """The training target on the metric's scale, [n] float64."""
        return self.competition.scaled_target(self.dataset)

    @cached_property
    def engine(self) -> Engine:
        """What executes the jobs; its workers start with the first job."""
        return make_engine(self.options.engine, self.options.jobs, self.options.data_parallel)

    def experiment(self, n_repeats: int | None = None) -> Experiment:
        """Return the experiment with so many repeats of the folds; None takes the option's."""
        if n_repeats is None:
            n_repeats = 1 if self.options.repeats is None else self.options.repeats
        spec = FoldSpec(
            self.options.scheme or self.competition.scheme,
            self.competition.n_folds if self.options.folds is None else self.options.folds,
            self.seed,
        )
        folds = make_folds(spec, FoldInput.of(self.competition, self.dataset), n_repeats)
        return Experiment(self.competition, self.dataset, self.source.path, folds, self.seed)


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
            f"{given.name!r} is the name of a competition that comes with the package. Give yours "
            "another name: its results would be mixed with others."
        )
    return given


def store_of(options: Options) -> RunStore:
    """Return the store of a call's competition.

    Raises:
        StoreError: see `RunStore`.
    """
    return RunStore((options.runs or runs_root()) / competition_of(options).name)


def _with_given(competition: Competition, models: object) -> tuple[Competition, str | None]:
    """Return the competition with the models that were given as objects, and all names."""
    if models is None or isinstance(models, str):
        return competition, models
    names, declared = [], dict[str, Model]()
    # A forest can be iterated over, too.
    several = isinstance(models, Iterable) and not hasattr(models, "fit")
    listed = list(cast(Iterable[object], models)) if several else [models]
    for given in listed:
        if isinstance(given, str):
            if given in SETS:
                raise UsageError(
                    f"{given!r} stands for several models and cannot be one of a list. Name the "
                    f"models: {', '.join(model.name for model in competition.models)}."
                )
            names.append(given)
            continue
        model = with_features(as_model(given), competition)
        params = model.params if model.declared is None else model.declared
        own = replace(model, params=params, declared=None)
        if declared.setdefault(model.name, own) != own:
            raise UsageError(
                f"Two of the models are called {model.name!r}. Give each a name of its own, such "
                "as network(build, name='wide')."
            )
        names.append(model.member)
    _check_not_hidden(competition, [name for name in listed if isinstance(name, str)], declared)
    others = (model for model in competition.models if model.name not in declared)
    return replace(competition, models=(*others, *declared.values())), ",".join(names)


def _check_not_hidden(
    competition: Competition, names: Sequence[str], declared: Mapping[str, Model]
) -> None:
    """Check that a name does not stand for a model of the competition and a given one."""
    for name in {base_name(part) for text in names for part in split_names(text)}:
        if name in declared and declared[name] not in competition.models:
            raise UsageError(
                f"Two of the models are called {name!r}, that of the competition and your own. "
                "Give yours a name of its own, such as estimator(Ridge(), name='mine')."
            )


# Models by the name of a set; what is not installed is left out of each.
SETS: Mapping[str, Callable[[Model], bool]] = {
    "default": lambda model: model.default,
    "quick": lambda model: model.quick or model.family is Family.BASELINE,
    "all": lambda _: True,
}


def select_models(
    competition: Competition,
    names: str | None,
    settings: list[str],
    weights: Path | None = None,
    place: Callable[[Model], Model] = lambda model: model,
) -> list[Model]:
    """Return the models that were asked for, cheap ones first, with the changed parameters.

    Args:
        competition: whose zoo.
        names: None or "default", "quick", "all", or names with commas, which may say changed
            parameters: `ridge,ridge[alpha=1e6]`.
        settings: `MODEL.PARAMETER=VALUE` texts.
        weights: becomes the parameter `weights` of every chosen model that has it.
        place: returns a model as it is trained here, see `placed`; no change of its name.

    Raises:
        UsageError: if a model or parameter does not exist, a setting is for a model that was
            not asked for, or weights are given and no chosen model takes them.
    """
    names = "default" if names is None else names
    if names in SETS:
        belongs = SETS[names]
        chosen = [
            place(model) for model in competition.models if belongs(model) and _installed(model)
        ]
    else:
        wanted = map(parse_member, split_names(names))
        chosen = [place(competition.model(base)).with_params(params) for base, params in wanted]
    if not chosen:
        raise UsageError(
            "No model was named; --models takes names with commas, `models` a list, too."
        )
    if weights is not None:
        chosen = _with_weights(chosen, weights)
    changed = _changes(settings)
    for name in changed:
        competition.model(name)
        if name not in {model.name for model in chosen}:
            raise unknown_name("model in this run", name, (model.name for model in chosen))
    models = [model.with_params(changed.get(model.name, {})) for model in chosen]
    return cheap_first({model.member: model for model in models}.values())


def split_imported(competition: Competition, store: RunStore, names: str) -> tuple[str, list[str]]:
    """Return the names that are no imported members, with commas, and those that are, in order.

    Raises:
        UsageError: if a name is neither a model of the zoo nor an imported member.
    """
    if names in SETS:
        return names, []
    zoo = {model.name for model in competition.models}
    wanted = split_names(names)
    others = sorted({name for name in wanted if base_name(name) not in zoo})
    known = store.imported_names() if others else set()
    for name in others:
        if name not in known:
            error = unknown_name("model", name, zoo | known)
            if competition.name not in competition_names():
                error = UsageError(f"{error} A model of your own is given itself, not by its name.")
            raise error
    return ",".join(name for name in wanted if name not in others), others


def row_arguments(options: Options) -> str:
    """Return the options that say which rows, in which folds, as they are given to a command."""
    names = ("data", "runs", "folds", "scheme", "seed", "sealed")
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in given.items())


def cheap_first(models: Iterable[Model]) -> list[Model]:
    """Return models in the order in which they are trained, blended and shown."""
    return sorted(models, key=lambda model: (model.family != Family.BASELINE, model.seconds))


def _with_weights(models: list[Model], weights: Path) -> list[Model]:
    if not any("weights" in model.params for model in models):
        raise UsageError("--weights was given, but no model of this run takes pretrained weights.")
    value = {"weights": str(weights.resolve())}
    return [model.with_params(value) if "weights" in model.params else model for model in models]


def _installed(model: Model) -> bool:
    """Whether a model's optional library is there; the extra is called like the library."""
    from importlib.util import find_spec

    return model.extra is None or find_spec(model.extra) is not None


def _changes(settings: list[str]) -> Mapping[str, Mapping[str, Any]]:
    changes: dict[str, dict[str, Any]] = {}
    for text in settings:
        model, parameter, value = parse_setting(text)
        changes.setdefault(model, {})[parameter] = value
    return changes


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
