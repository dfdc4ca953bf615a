"""Which models a call means: names, sets, changed parameters, and objects of the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from comps.base import (
    Competition,
    Family,
    Model,
    UsageError,
    base_name,
    parse_member,
    parse_setting,
    split_names,
    unknown_name,
)
from comps.catalog import competition_names
from comps.declared import as_model, with_features
from pipelines.store import RunStore

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
            place(model) for model in competition.models if belongs(model) and installed(model)
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
    changed = changes_of(settings)
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
    known = store.imported.names() if others else set()
    for name in others:
        if name not in known:
            error = unknown_name("model", name, zoo | known)
            if competition.name not in competition_names():
                error = UsageError(f"{error} A model of your own is given itself, not by its name.")
            raise error
    return ",".join(name for name in wanted if name not in others), others


def cheap_first(models: Iterable[Model]) -> list[Model]:
    """Return models in the order in which they are trained, blended and shown."""
    return sorted(models, key=lambda model: (model.family != Family.BASELINE, model.seconds))


def _with_weights(models: list[Model], weights: Path) -> list[Model]:
    if not any("weights" in model.params for model in models):
        raise UsageError("--weights was given, but no model of this run takes pretrained weights.")
    value = {"weights": str(weights.resolve())}
    return [model.with_params(value) if "weights" in model.params else model for model in models]


def installed(model: Model) -> bool:
    """Whether a model's optional library is there; the extra is called like the library."""
    from importlib.util import find_spec

    return model.extra is None or find_spec(model.extra) is not None


def changes_of(settings: list[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the changed parameters by model, of `MODEL.PARAMETER=VALUE` texts."""
    changes: dict[str, dict[str, Any]] = {}
    for text in settings:
        model, parameter, value = parse_setting(text)
        changes.setdefault(model, {})[parameter] = value
    return changes


def with_given(competition: Competition, models: object) -> tuple[Competition, str | None]:
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
