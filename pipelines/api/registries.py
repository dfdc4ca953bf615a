"""The names that users choose from, read off the registries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from comps.kinds.table.kinds import KINDS
from comps.metrics import METRICS
from ensembles import METHODS
from pipelines.api.exporting import FORMATS
from pipelines.api.selection import SETS
from pipelines.engines import ENGINES
from pipelines.folds import SCHEMES
from pipelines.results.prediction_tables import SCALES
from pipelines.trainers.backends import BACKENDS, DEVICES, PRECISIONS
from pipelines.tuning.keras_search import ORACLES
from pipelines.tuning.optuna_search import SAMPLERS


def choices() -> Mapping[str, str]:
    """Return what each registry knows, as help texts list it.

    >>> choices()["schemes"]
    'kfold, stratified, grouped, stratified-grouped, column or expanding'
    """
    names: Mapping[str, Iterable[str]] = {
        "backends": ["auto", *BACKENDS],
        "devices": DEVICES,
        "engines": ENGINES,
        "formats": FORMATS,
        "kinds": KINDS,
        "methods": METHODS,
        "metrics": METRICS,
        "network_tuners": ORACLES,
        "precisions": PRECISIONS,
        "scales": SCALES,
        "schemes": SCHEMES,
        "sets": SETS,
        "tuners": SAMPLERS,
    }
    return {name: _listed(list(known)) for name, known in names.items()}


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
