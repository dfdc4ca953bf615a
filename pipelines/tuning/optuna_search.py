"""Search by Optuna: gradient boosting, linear models, kernels and forests.

The study is kept in a database, SQLite unless the user names another, so that several processes can
share it and optuna-dashboard can show it. After each fold `WilcoxonPruner` compares the trial with
the best one fold by fold.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import JSON, Metric, Model, StoreError, UsageError, unknown_name
from pipelines.basics.processes import is_running
from pipelines.basics.seeds import derive_seed
from pipelines.tuning._base import Search, State, Trial, TrialResult
from pipelines.tuning.study import check_same

if TYPE_CHECKING:
    import optuna

# A trial is pruned when the rank sum of its folds is on the worse side: after two folds when both
# are worse, or the one that is worse is so by more. With five folds a smaller p-value is reached
# too late to save much (0.1: after four); `tests/benchmarks/tuning.py` measures what it costs.
PRUNING_P = 0.51
LEAST_FOLDS = 2

_SEARCHES = "searches on "
_REFERENCE = "fold_scores_of_the_first_trial"
_ATTEMPTS, _PAUSE = 5, 0.4


def _tpe(seed: int) -> optuna.samplers.BaseSampler:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, multivariate=True)


def _random(seed: int) -> optuna.samplers.BaseSampler:
    from optuna.samplers import RandomSampler

    return RandomSampler(seed=seed)


def _cmaes(seed: int) -> optuna.samplers.BaseSampler:
    from pipelines.tuning.cma_es import KeptCmaEs

    return KeptCmaEs(seed=seed, warn_independent_sampling=False)


SAMPLERS: Mapping[str, Callable[[int], optuna.samplers.BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "cmaes": _cmaes,
}


class OptunaSearch:
    """A study of one model in Optuna's storage.

    Args:
        model: with its `space`, a function of its parameters that returns distributions.
        metric: gives the direction.
        made_of: what all scores of a study must share; see `study`.
        storage: URL of a database, as SQLAlchemy takes it.
        name: of the study.
        tuner: one of `SAMPLERS`.
        seed: of the search.
        prune: whether trials that are behind the best one end after a few folds.

    Raises:
        StoreError: if the database is damaged or cannot be reached.
        UsageError: if there is no such tuner, the model has nothing to tune, or the study of
            that name is of something else.
    """

    def __init__(
        self,
        model: Model,
        metric: Metric,
        made_of: Mapping[str, JSON],
        storage: str,
        name: str,
        *,
        tuner: str = "tpe",
        seed: int = 0,
        prune: bool = True,
    ) -> None:
        import optuna

        if tuner not in SAMPLERS:
            raise unknown_name(f"tuner of models like '{model.name}' called", tuner, SAMPLERS)
        self.distributions = model.space(model.params) if model.space else {}
        if not self.distributions:
            raise UsageError(f"Model '{model.name}' has no parameter that can be tuned.")
        self.prunes, self.seed, self.tuner = prune, seed, tuner
        model.with_params(dict.fromkeys(self.distributions))  # refuses an unknown name
        self._defaults = {key: model.params[key] for key in self.distributions}
        self._open: dict[int, optuna.Trial] = {}
        self._scores: dict[int, dict[int, float]] = {}
        self._reported: dict[int, set[int]] = {}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        # What Optuna calls experimental is its interface, and this package says which it takes.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        with explained(storage):
            self.study = optuna.create_study(
                study_name=name,
                storage=_storage(storage),
                direction="maximize" if metric.greater_is_better else "minimize",
                pruner=optuna.pruners.WilcoxonPruner(
                    p_threshold=PRUNING_P, n_startup_steps=LEAST_FOLDS
                ),
                load_if_exists=True,
            )
            self._begin(made_of, name)

    def _begin(self, made_of: Mapping[str, JSON], name: str) -> None:
        """Check that the study is the same; withdraw the trials of processes that ended."""
        trials = self.study.get_trials(deepcopy=False)
        found = self.study.user_attrs.get("made_of")
        if trials or found is not None:
            check_same(found, made_of, name)
        else:
            self.study.set_user_attr("made_of", dict(made_of))
            # The search begins with what it has to beat, and learns from it.
            self.study.enqueue_trial(self._defaults)
        # A process that ended between two writes left a trial that does not say whose it is.
        self.study.set_user_attr(_SEARCHES + _own_name(), True)
        alone = all(
            name.removeprefix(_SEARCHES) == _own_name() or _is_gone(name.removeprefix(_SEARCHES))
            for name in self.study.user_attrs
            if name.startswith(_SEARCHES)
        )
        for trial in trials:
            worker = trial.user_attrs.get("worker")
            if trial.state.name == "RUNNING" and (_is_gone(worker) if worker else alone):
                self._give_up(trial.number, trial._trial_id)
        self._keep_the_declared_first()

    def _keep_the_declared_first(self) -> None:
        """Try the declared parameters again if their trial was lost: others are measured by it."""
        same = [
            trial
            for trial in self.study.get_trials(deepcopy=False)
            if (trial.params or trial.system_attrs.get("fixed_params")) == self._defaults
        ]
        if same and all(trial.user_attrs.get("lost") for trial in same):
            self.study.enqueue_trial(self._defaults)

    def _give_up(self, number: int, trial_id: int) -> None:
        import optuna

        self.study._storage.set_trial_user_attr(trial_id, "lost", True)
        self.study.tell(number, state=optuna.trial.TrialState.FAIL)

    def ask(self) -> Trial:
        """Return a new trial. See `Search`."""
        # A sampler that is made anew for each trial goes on where a killed search was. A trial
        # that was lost does not count: the next one tries the same.
        trials = self.study.get_trials(deepcopy=False)
        n_trials = sum(not trial.user_attrs.get("lost") for trial in trials)
        self.study.sampler = SAMPLERS[self.tuner](derive_seed(self.seed, "tune", n_trials))
        trial = self.study.ask(dict(self.distributions))
        trial.set_user_attr("worker", _own_name())
        self._open[trial.number] = trial
        return Trial(trial.number, dict(trial.params))

    def hopeless(self, trial: Trial, fold: int, score: float) -> bool:
        """Compare a trial with the best one, fold by fold. See `Search`."""
        scores = self._scores.setdefault(trial.number, {})
        scores[fold] = score
        reference = self.study.user_attrs.get(_REFERENCE)
        if not self.prunes or reference is None:
            return False
        asked = self._open[trial.number]
        self._report(asked, scores, reference)
        return bool(asked.should_prune())

    def _report(
        self, asked: optuna.Trial, scores: Mapping[int, float], reference: Sequence[float]
    ) -> None:
        """Report scores as differences to those of the first complete trial.

        The pruner spares a trial whose mean so far is better than the best one's mean, which is
        over all folds: an easy first fold would protect every trial.
        """
        reported = self._reported.setdefault(asked.number, set())
        for fold in sorted(scores.keys() - reported):
            asked.report(scores[fold] - reference[fold], step=fold)
            reported.add(fold)

    def tell(self, result: TrialResult) -> None:
        """Store the outcome of a trial. See `Search`."""
        import optuna

        asked = self._open[result.trial.number]
        if self.prunes and result.state is State.COMPLETE:
            if _REFERENCE not in self.study.user_attrs:
                self.study.set_user_attr(_REFERENCE, list(result.fold_scores))
            scores = dict(enumerate(result.fold_scores))
            self._report(asked, scores, self.study.user_attrs[_REFERENCE])
        for key in ("fold_scores", "step", "seconds", "reason"):
            value = getattr(result, key)
            asked.set_user_attr(key, list(value) if isinstance(value, tuple) else value)
        states = optuna.trial.TrialState
        ends = {State.COMPLETE: None, State.PRUNED: states.PRUNED, State.FAILED: states.FAIL}
        self.study.tell(asked, result.score, state=ends[result.state])
        # Last: who is interrupted before withdraws the trial.
        del self._open[result.trial.number]

    def forget(self, trial: Trial) -> None:
        """Withdraw a trial. See `Search`."""
        asked = self._open.pop(trial.number, None)
        if asked is None or self.study._storage.get_trial(asked._trial_id).state.is_finished():
            return
        self._give_up(asked.number, asked._trial_id)

    def results(self) -> list[TrialResult]:
        """Return every trial that has ended. See `Search`."""
        return results_of(self.study)

    def open_trials(self) -> int:
        """Return the number of trials that are running. See `Search`."""
        trials = self.study.get_trials(deepcopy=False)
        return sum(trial.state.name == "RUNNING" for trial in trials)


def results_of(study: optuna.Study) -> list[TrialResult]:
    """Return every trial of a study that has ended, in the order of their numbers."""
    ends = {"COMPLETE": State.COMPLETE, "PRUNED": State.PRUNED, "FAIL": State.FAILED}
    return [
        _result(trial, ends[trial.state.name])
        for trial in study.get_trials(deepcopy=False)
        if trial.state.name in ends and not trial.user_attrs.get("lost")
    ]


def _result(trial: optuna.trial.FrozenTrial, state: State) -> TrialResult:
    told = trial.user_attrs
    return TrialResult(
        Trial(trial.number, dict(trial.params)),
        state,
        trial.value if state is State.COMPLETE else None,
        tuple(told.get("fold_scores", ())),
        told.get("step"),
        told.get("seconds", 0.0),
        told.get("reason", ""),
    )


def _own_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _is_gone(worker: str) -> bool:
    """Whether a process of this machine has ended; False for processes of other machines."""
    host, _, number = worker.rpartition(":")
    if host != socket.gethostname() or not number.isdigit():
        return False
    # On Windows no other process is known to run.
    return os.name != "nt" and not is_running(int(number))


def _storage(url: str) -> optuna.storages.RDBStorage:
    """Open a database; try again if another process makes its tables at the same moment."""
    from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

    for _ in range(_ATTEMPTS - 1):
        try:
            return _opened(url)
        except (IntegrityError, OperationalError, ProgrammingError):
            time.sleep(_PAUSE)
    return _opened(url)


def _opened(url: str) -> optuna.storages.RDBStorage:
    import optuna

    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        # Another process may hold the file for a moment.
        return optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    return optuna.storages.RDBStorage(url)


def without_password(url: str) -> str:
    """Return a database's URL without what may be a secret: the user, and what follows "?".

    >>> without_password("postgresql://me:secret@host/studies?password=secret")
    'host/studies'
    >>> without_password("sqlite:///file.db")
    'sqlite:///file.db'
    """
    return url.rpartition("@")[2].partition("?")[0]


@contextlib.contextmanager
def explained(storage: str) -> Iterator[None]:
    """Turn errors of a database into errors with a message for the user, without a password."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

    shown = without_password(storage)
    if storage.count("@") > 1 and not storage.startswith("sqlite:"):
        # Libraries would take a part of the password for the host, and name it.
        raise UsageError(
            f"--storage for {shown!r} has several @: within a password, @ is written as %40."
        )
    try:
        yield
    except (ArgumentError, NoSuchModuleError) as error:
        raise UsageError(
            "--storage takes a URL such as sqlite:///file.db or postgresql://user@host/name, "
            f"not {shown!r}."
        ) from error
    except ImportError as error:
        raise UsageError(
            f"The database {shown!r} needs a driver that is not installed. For PostgreSQL: "
            "pip install 'competition-workbench[postgres]'."
        ) from error
    except (DatabaseError, StorageInternalError) as error:
        told = getattr(error, "orig", None) or error.__cause__ or error
        first = str(told).strip().splitlines()[0]
        raise StoreError(
            f"The study in {shown} cannot be read: {first}. If it is a damaged file, delete it; "
            "or name another with --storage."
        ) from error


if TYPE_CHECKING:
    _: type[Search] = OptunaSearch
