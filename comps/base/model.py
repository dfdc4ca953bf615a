"""`Model`: an entry of a competition's zoo, with its features and parameters."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from comps.base.errors import UsageError, unknown_name
from comps.base.names import member_name, parse_value
from comps.base.transformer import Transformer
from comps.base.values import JSON, Params

if TYPE_CHECKING:
    from comps.base.competition import Dataset


class Family(StrEnum):
    """The kinds of models that are compared with each other."""

    BASELINE = "baseline"
    LINEAR = "linear"
    KERNEL = "kernel"
    FOREST = "forest"
    BOOSTING = "boosting"
    NETWORK = "network"
    OTHER = "other"
    IMPORTED = "imported"


@dataclass(frozen=True)
class Model:
    """The declaration of a model; a new estimator is built from it for each fold.

    Attributes:
        name: unique within the competition, e.g. "lightgbm".
        family: its kind in comparisons.
        trainer: name of the trainer in `pipelines.trainers` that fits it.
        params: the trainer's and the builder's parameters by name; JSON values only.
        features: a function that returns a new, unfitted transformer with
            `fit_transform(X, y)` and `transform(X)`; None passes rows as they are. It is called
            with those of `params` that it names. They are not passed on, unless `build` names
            them too.
        build: what the trainer needs to make the estimator (a scikit-learn factory,
            a function that returns a Keras model); None where the trainer makes it itself.
        patience: rounds or epochs without a better score after which training ends; None
            trains all of them. On up to 2,000 rows and where folds grow with time, training goes
            on, and later stages are ignored; see `pipelines.results.stopping`. The stopping point
            is chosen later, on the mean curve over the folds.
        seconds: rough seconds for five folds on one core of the bundled sample;
            cheap models go first.
        default: whether a run trains it unless told otherwise.
        quick: whether `--quick` trains it; those of one competition take less than a minute
            together on the bundled sample.
        extra: the extra of this package that brings its library, if it is optional.
        about: one line for listings.
        preprocessor: a function of the fitted transformer (None where there is none) and the
            shape of a row of each input, which returns a Keras model from raw rows (strings,
            images of any size) to the inputs of the network: with it a trained network is
            exported. None where this is not possible.
        space: what can be tuned. Of a network, a function of KerasTuner's `hp` and `params` that
            returns changed parameters, with `params` as defaults; of other models, a function of
            `params` that returns Optuna's distributions. See `comps.base.spaces`.
        sized: a function of `params` and the data set, which returns parameters that follow from
            the number of rows and their like, by a rule rather than a search. They count as
            declared: what the user changes is changed after it. None where nothing follows.
        declared: the parameters before any `with_params`; None where nothing was changed.

    Raises:
        UsageError: if `features`, `build`, `preprocessor`, `space` or `sized` is a lambda.
    """

    name: str
    family: Family
    trainer: str
    params: Params = field(default_factory=dict)
    features: Callable[..., Transformer] | None = None
    build: Callable[..., Any] | None = None
    patience: int | None = None
    seconds: float = 1.0
    default: bool = True
    quick: bool = False
    extra: str | None = None
    about: str = ""
    preprocessor: Callable[..., Any] | None = None
    space: Callable[..., Params] | None = None
    sized: Callable[[Params, Dataset], Params] | None = None
    declared: Params | None = None

    def __post_init__(self) -> None:
        functions = (self.features, self.build, self.preprocessor, self.space, self.sized)
        for function in functions:
            if getattr(function, "__name__", "") == "<lambda>":
                raise UsageError(
                    f"Model '{self.name}' names a lambda; a function with a name of its own was "
                    "expected, for stored results are found by it and other processes import it."
                )
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))
        declared = self.declared if self.changed else None
        frozen = None if declared is None else MappingProxyType(dict(declared))
        object.__setattr__(self, "declared", frozen)

    def __reduce__(self) -> tuple[object, ...]:
        # A mapping proxy cannot be pickled, and jobs are sent to other processes.
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        declared = None if self.declared is None else dict(self.declared)
        return _restore, ({**values, "params": dict(self.params), "declared": declared},)

    @property
    def changed(self) -> dict[str, JSON]:
        """The parameters that are not as declared, by name."""
        if self.declared is None:
            return {}
        return {
            name: value
            for name, value in self.params.items()
            if name not in self.declared or not _same(value, self.declared[name])
        }

    @property
    def member(self) -> str:
        """The name with the changed parameters; see `comps.base.names`.

        Seeds, keys and folders of the store follow from `name`.

        >>> ridge = Model("ridge", Family.LINEAR, "sklearn", {"alpha": 1.0})
        >>> ridge.with_params({"alpha": 2.0}).member, ridge.with_params({"alpha": 1.0}).member
        ('ridge[alpha=2.0]', 'ridge')
        """
        return member_name(self.name, self.changed)

    def with_params(self, changes: Params) -> Model:
        """Return this model with some parameters changed.

        Raises:
            UsageError: if a name is not among `params`; a typo must not vanish.

        >>> ridge = Model("ridge", Family.LINEAR, "sklearn", {"alpha": 1.0})
        >>> ridge.with_params({"alpha": 2.0}).params["alpha"]
        2.0
        """
        for key in changes:
            if key not in self.params:
                raise unknown_name(f"parameter of model '{self.name}' called", key, self.params)
        declared = self.params if self.declared is None else self.declared
        return dataclasses.replace(self, params={**self.params, **changes}, declared=declared)

    def for_rows(self, dataset: Dataset) -> Model:
        """Return this model with the parameters that follow from the rows, see `sized`.

        Raises:
            UsageError: if the rule names a parameter that is not among `params`.
        """
        if self.sized is None:
            return self
        changed = self.with_params(self.sized(self.params, dataset))
        return dataclasses.replace(changed, declared=None)

    def view_params(self) -> dict[str, JSON]:
        """Return the parameters that `features` takes.

        >>> def vectors(*, length=3): ...
        >>> Model("m", Family.LINEAR, "sklearn", {"length": 2, "C": 1}, vectors).view_params()
        {'length': 2}
        """
        named = _parameters(self.features)
        return {name: value for name, value in self.params.items() if name in named}

    def view(self) -> Transformer | None:
        """Return a new, unfitted transformer; None where rows are passed as they are."""
        return None if self.features is None else self.features(**self.view_params())

    def without_view_params(self) -> Model:
        """Return this model without the parameters that only `features` takes."""
        taken = set(self.view_params()) - _parameters(self.build)
        rest = {name: value for name, value in self.params.items() if name not in taken}
        return dataclasses.replace(self, params=rest)

    def config(self) -> dict[str, JSON]:
        """Return all that decides the model's predictions, as JSON values, for the key."""
        return {
            "name": self.name,
            "trainer": self.trainer,
            "params": dict(self.params),
            "patience": self.patience,
            "features": _qualified(self.features),
            "build": _qualified(self.build),
        }


def _restore(values: Params) -> Model:
    return Model(**values)


def _same(one: JSON, other: JSON) -> bool:
    """Whether two values are the same JSON; 1 and 1.0 mean different things to some libraries."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _parameters(function: Callable[..., object] | None) -> set[str]:
    """Return the names that a function gives its parameters."""
    return set() if function is None else set(inspect.signature(function).parameters)


def _qualified(function: Callable[..., object] | None) -> str | None:
    """Return the name of a function; of an object that is called, that of its class."""
    if function is None:
        return None
    if isinstance(function, functools.partial):
        return f"partial of {_qualified(function.func)}"
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}:{named.__qualname__}"


def parse_setting(text: str) -> tuple[str, str, JSON]:
    """Split `model.parameter=value` as given on the command line.

    The value is read as JSON where it is JSON and as text otherwise.

    >>> parse_setting("lightgbm.learning_rate=0.02")
    ('lightgbm', 'learning_rate', 0.02)

    Raises:
        UsageError: if the text has another form.
    """
    target, equals, value = text.partition("=")
    model, dot, parameter = target.partition(".")
    if not (equals and dot and model and parameter):
        raise UsageError(
            f"--set takes MODEL.PARAMETER=VALUE, such as lightgbm.learning_rate=0.02, not {text!r}."
        )
    return model, parameter, parse_value(value)
