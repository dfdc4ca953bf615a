"""The code that a model's predictions depend on, found from syntax trees."""

from __future__ import annotations

from collections.abc import Callable

from comps.base import Competition, Model
from pipelines.basics.fingerprint import fingerprint
from pipelines.code._libraries import versions
from pipelines.code._resolve import Node
from pipelines.code._values import Values
from pipelines.code._walk import Reach

# What runs a fold, what predicts by what was kept of it, and what makes predictions of all folds.
_HARNESS = (
    Node("pipelines.fitting.training", "train_folds"),
    Node("pipelines.fitting.keeping", "FittedModel"),
    Node("pipelines.results.oof", "assemble"),
)
# They lead to all trainers, by a text; the one that a model names is followed by itself. Modules of
# what is kept are those that the functions of the model use, which are followed, too. Which names
# a kept file may hold decides no prediction.
_STOPS = frozenset(
    {
        *(Node("pipelines.trainers", name) for name in ("load_trainer", "trainer_module")),
        Node("pipelines.basics.kept_objects", "import_own"),
        Node("pipelines.basics.trusted_names", "trusted_name"),
        Node("pipelines.trainers._own_code", "import_modules"),
    }
)


def code_fingerprint(competition: Competition, model: Model) -> str:
    """Return the fingerprint of the code that a model's predictions depend on.

    This is the code that runs a fold, the trainer, the metric, and the functions that load the
    rows and make features and model, with everything that they use: functions, classes, values of
    modules, and the versions of libraries. Comments, docstrings, and unused code do not count.

    Functions of a notebook count by their source, and the values that they use by their content.

    Raises:
        CodeError: if a module cannot be found or read, or a value is of an unknown kind.
    """
    reach, values = _followed(competition, model)
    definitions = sorted([node.module, node.name, own] for node, own in reach.digests.items())
    return fingerprint(definitions, values, versions(reach.libraries))


def reached(competition: Competition, model: Model) -> frozenset[tuple[str, str]]:
    """Return the definitions that a model's predictions depend on.

    Each is a module and a name in it: of a function, a class or a value; `*` for a whole module.

    >>> from comps.catalog import find_competition
    >>> houses = find_competition("house-prices")
    >>> ("comps.house_prices.loader", "load") in reached(houses, houses.model("ridge"))
    True

    Raises:
        CodeError: see `code_fingerprint`.
    """
    reach, _ = _followed(competition, model)
    return frozenset((node.module, node.name) for node in reach.digests)


def libraries(competition: Competition, model: Model) -> dict[str, str | None]:
    """Return the libraries that a model's predictions depend on, with their versions.

    Raises:
        CodeError: see `code_fingerprint`.
    """
    reach, _ = _followed(competition, model)
    return versions(reach.libraries)


def _followed(competition: Competition, model: Model) -> tuple[Reach, object]:
    """Return the code that a model uses, and the values that its functions hold."""
    from pipelines.trainers import TRAINERS, trainer_module

    reach = Reach(_STOPS)
    if model.extra is not None:
        reach.libraries.add(model.extra)
    trainer = TRAINERS[model.trainer].partition(":")[2] if trainer_module(model.trainer) else ""
    reach.add(*_HARNESS, *_STOPS, Node(trainer_module(model.trainer), trainer))
    values = Values(reach)
    return reach, [values.text(value, name) for name, value in _functions(competition, model)]


def _functions(
    competition: Competition, model: Model
) -> list[tuple[str, Callable[..., object] | None]]:
    metric = competition.metric
    return [
        ("load", competition.load),
        ("offset", competition.offset),
        ("features", model.features),
        ("build", model.build),
        ("metric", metric.function),
        ("guide of the metric", metric.guide.function),
        ("scale", metric.scale.forward),
        ("inverse of the scale", metric.scale.inverse),
    ]


__all__ = ["code_fingerprint", "libraries", "reached"]
