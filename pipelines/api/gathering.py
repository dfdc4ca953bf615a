"""What a report shows of a run, gathered from its result, the store and its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from comps.base import Family, WorkbenchError, base_name
from ensembles.compare import compare, dependent_rows
from ensembles.cuts import needs_cuts
from ensembles.diversity import error_correlations, marginal_values
from ensembles.sample import Sample, stack
from pipelines.api.kaggle.public_scores import judged
from pipelines.api.result_rows import blend_values, family_of, leaderboard_rows, records_of
from pipelines.api.results import Result
from pipelines.api.verdicts import RIVALS, verdicts
from pipelines.basics.files import read_json
from pipelines.reports import Curves, Predicted, ReportedRun, Study, Submissions, by_weight
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore
from pipelines.store.looks import read_looks
from pipelines.store.records import Record, Status, read_records
from pipelines.store.uploads import read_uploads
from pipelines.tuning.stored import stored_bests, stored_trials

Found = TypeVar("Found")
# What `comps explain` leaves.
EXPLAINED = "explained.json"
# Plots, and the figures beside them, are of so many rows at most.
ENOUGH = 20_000
# Heat maps of more members could not be read.
MOST_MEMBERS = 20
# A member's marginal value takes a blend of the others: members x members x numbers of a member.
MOST_WORK = 4e6
# Members' numbers above which nothing is blended or scored again for a report.
LARGE = 5e5


@dataclass
class Gatherer:
    """Gathers what a report shows; what cannot be read is said, and left out.

    Args:
        store: of the competition.
        record: of the run; None where there is none.

    Attributes:
        missing: what the report lacks, in words.
    """

    store: RunStore
    record: Record | None
    missing: list[str] = field(default_factory=list)

    def recorded(self, name: str, notes: Sequence[str]) -> ReportedRun:
        """Return what the record alone says, where competition, rows or results are gone."""
        record = self.record
        self._say_unfinished()
        members = () if record is None else record.members
        rows = [
            {
                "model": member.name,
                "family": member.family,
                "score": member.score,
                "repeats": member.repeats,
                "step": member.step or 1,
                "fit_seconds": member.fit_seconds,
                "weight": _weights(record).get(member.name),
                "note": "" if member.score is not None else "not finished",
            }
            for member in members
        ]
        return ReportedRun(
            name=name,
            record=record,
            members=rows,
            blend=None if record is None else record.blend,
            studies=self._studies(),
            runs=self._runs(),
            notes=[*(() if record is None else record.notes), *notes],
            missing=self.missing,
        )

    def whole(self, result: Result, notes: Sequence[str]) -> ReportedRun:
        """Return what there is of a run whose rows and results are there."""
        blend = blend_values(result) if result.blend else None
        if blend is None and self.record is not None and self.record.blend:
            blend = dict(self.record.blend)
        weights = {} if blend is None else dict(blend.get("weights", {}))
        self._say_unfinished()
        numbers = size_of(result.oof)
        if blend is not None and result.blend is None and numbers > LARGE:
            self.missing.append(
                f"The blend was not made again, for its members predicted {numbers:,.0f} numbers, "
                f"more than {LARGE:,.0f}. Its weights and scores are those of the run; "
                "predictions are the members', summed by their weights."
            )
        rows = self._rows(result, weights)
        headline = self._attempt("What the blend is worth", lambda: str(result.headline or ""))
        return ReportedRun(
            name=result.competition.name,
            competition=result.competition,
            dataset=result.dataset,
            record=self.record,
            members=rows,
            fold_scores={name: oof.fold_scores for name, oof in result.oof.items()},
            curves=self._curves(result),
            blend=blend,
            headline=" ".join(text for text in (headline, self._sealed(result, blend)) if text),
            correlations=self._attempt(
                "The correlation of errors", lambda: _correlations(result, weights)
            ),
            gains=self._attempt("What each member brings", lambda: self._gains(result)) or {},
            growth=self._attempt("The score by members", lambda: _growth(result, weights)) or (),
            predicted=self._attempt("Predictions", lambda: _predicted(result, weights)),
            pairs=self._attempt("Deep models against boosting", lambda: _pairs(result)) or (),
            studies=self._studies(result.dataset.fingerprint),
            explained=self._explained(),
            submissions=self._attempt("Submissions", lambda: self._submissions(result)),
            runs=self._runs(),
            notes=list(notes),
            missing=self.missing,
        )

    def _attempt(self, what: str, function: Callable[[], Found]) -> Found | None:
        try:
            return function()
        # Of unusual values nobody knows what a library says; the rest of the report is there.
        except Exception as error:
            self.missing.append(f"{what} could not be computed: {type(error).__name__}: {error}")
            return None

    def _say_unfinished(self) -> None:
        record = self.record
        if record is None:
            self.missing.append("There is no record of a run: no command, versions and times.")
            return
        if record.state is not Status.DONE:
            ends = {Status.RUNNING: "goes on", Status.FAILED: "failed"}
            end = ends.get(record.state, f"was {record.state}")
            self.missing.append(f"The {record.command} of {record.when} {end}.")
        open_ = [member.name for member in record.members if member.score is None]
        if open_:
            self.missing.append(f"Members without results: {', '.join(open_)}.")

    def _rows(self, result: Result, weights: Mapping[str, float]) -> list[dict[str, Any]]:
        """Return the leaderboard; of very many numbers that which the run left."""
        rows = None
        if "leaderboard" in vars(result):
            rows = records_of(result.leaderboard)
        elif size_of(result.oof) > LARGE:
            rows = self._stored_rows(result)
        found = leaderboard_rows(result) if rows is None else rows
        for row in found:
            row["size"] = result.oof[row["model"]].size
            row["weight"] = float(weights.get(row["model"], 0.0))
        return found

    def _stored_rows(self, result: Result) -> list[dict[str, Any]] | None:
        """Return the stored leaderboard, if it is of these members."""
        try:
            found = read_json(self.store.root / "leaderboard.json")
            # Earlier versions wrote the list alone.
            rows = found["members"] if isinstance(found, dict) else found
            scores = {row["model"]: row["score"] for row in rows}
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return rows if scores == {name: oof.score for name, oof in result.oof.items()} else None

    def _curves(self, result: Result) -> dict[str, Curves]:
        found, lacking = {}, []
        for name, oof in result.oof.items():
            if oof.imported or len(oof.steps) < 2:
                continue
            folds = []
            for held in result.folds.single:
                try:
                    folds.append(self.store.read_curve(base_name(name), oof.key, 0, held))
                except (WorkbenchError, OSError, KeyError):
                    lacking.append(f"{name} fold {held[0] + 1}")
            network = family_of(result.competition, oof) is Family.NETWORK
            unit = "epoch" if network else "round"
            found[name] = Curves(oof.step, oof.steps, oof.curve, folds, unit)
        if lacking:
            shown = ", ".join(lacking[:5]) + (" and others" if len(lacking) > 5 else "")
            self.missing.append(f"Learning curves that are not there or damaged: {shown}.")
        return found

    def _gains(self, result: Result) -> dict[str, float]:
        if result.blend is None or len(result.blend.members) == 1:
            return {}
        members = [result.oof[name] for name in result.blend.members]
        if len(members) * size_of({oof.model: oof for oof in members}) > MOST_WORK:
            self.missing.append(
                f"What each of the {len(members)} members brings would take too long on "
                f"{len(result.target):,} rows; 'comps blend' shows it."
            )
            return {}
        gains = marginal_values(members, result.truth, result.folds, result.metric)
        return {oof.model: float(gain) for oof, gain in zip(members, gains, strict=True)}

    def _sealed(self, result: Result, blend: Mapping[str, Any] | None) -> str:
        """Return what this blend scored on the sealed rows; they are not looked at again."""
        if result.sealed is not None:
            return result.sealed.text
        if self.record is None or self.record.data.sealed is None:
            return ""
        try:
            looks = read_looks(self.store)
        except WorkbenchError as error:
            self.missing.append(str(error))
            return ""
        of_these = [look for look in looks if look["data"] == self.record.data.files]
        if not of_these:
            return "The sealed rows were not looked at."
        own = [
            look
            for look in of_these
            if look.get("share") == self.record.data.sealed and _same_blend(look, blend)
        ]
        if not own:
            times = "once" if len(of_these) == 1 else f"{len(of_these)} times"
            return f"The sealed rows were looked at {times}, not for this blend."
        score = own[-1].get("score")
        return f"Sealed {result.metric.label} {score:.{result.metric.digits}f}, the last look."

    def _explained(self) -> Mapping[str, Any] | None:
        """Return what `comps explain` left of this run; of another one it says nothing."""
        try:
            told: Mapping[str, Any] = read_json(self.store.root / EXPLAINED)
            own = self.record is not None and told["run"] == self.record.name
            # Columns of a table in memory may be called by numbers.
            rows = {part: told[part] for part in ("importance", "dependence") if part in told}
            shown = {
                part: [{**row, "column": str(row["column"])} for row in of]
                for part, of in rows.items()
            }
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self.missing.append(f"{self.store.root / EXPLAINED} cannot be read.")
            return None
        return {**told, **shown} if own else None

    def _submissions(self, result: Result) -> Submissions | None:
        """Return what was sent to Kaggle, as far as it is known here; nobody is asked."""
        uploads = read_uploads(self.store)
        if not uploads.uploads:
            return None
        found = judged(result.competition, self.store, uploads)
        picks = [f"{pick.upload.label}: {pick.reason}" for pick in found.picks]
        return Submissions(found.rows, found.public_share, found.verdicts, picks)

    def _studies(self, data: str | None = None) -> list[Study]:
        bests, damaged = stored_bests(self.store)
        self.missing += damaged
        studies = []
        for best in bests:
            if data is not None and best.data != data:
                continue
            try:
                studies.append(Study(best, *stored_trials(self.store, best)))
            except WorkbenchError as error:
                self.missing.append(str(error))
                studies.append(Study(best))
        return studies

    def _runs(self) -> list[Record]:
        records, damaged = read_records(self.store)
        self.missing += damaged
        return [record for record in records if record.command in ("run", "cv", "compare")]


def size_of(oofs: Mapping[str, OutOfFold]) -> float:
    """Return how many numbers the members predicted."""
    return float(sum(oof.valid.size for oof in oofs.values()))


def _same_blend(look: Mapping[str, Any], blend: Mapping[str, Any] | None) -> bool:
    """Whether the blend of a look is another one: method, members, weights and honest score.

    The score tells apart members of the same names that other seeds or folds have made.
    """
    blend = blend or {}
    members, weights = look.get("members"), blend.get("weights", {})
    found = [own.get("honest_score") for own in (look, blend)]
    scores = [np.nan if score is None else float(score) for score in found]
    return (
        isinstance(members, Mapping)
        and look.get("method") == blend.get("method")
        and members.keys() == weights.keys()
        and np.allclose([members[name] for name in weights], [*weights.values()], atol=1e-6)
        and bool(np.isclose(scores[0], scores[1], rtol=1e-6))
    )


def _weights(record: Record | None) -> Mapping[str, float]:
    blend = None if record is None else record.blend
    return {} if blend is None else dict(blend.get("weights", {}))


def _drawn(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return some of very many rows, the same each time."""
    if len(rows) <= ENOUGH:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, ENOUGH, replace=False))


def _correlations(
    result: Result, weights: Mapping[str, float]
) -> tuple[Sequence[str], NDArray[np.float64]] | None:
    names = [name for name in _ranked(result) if not weights or name in weights]
    names = sorted(names, key=lambda name: -weights.get(name, 0.0))[:MOST_MEMBERS]
    if len(names) < 2:
        return None
    members = [result.oof[name] for name in names]
    rows = _drawn(np.flatnonzero(np.all([oof.covered for oof in members], axis=0)))
    sample = Sample(stack((oof.valid[rows] for oof in members), len(members)), result.truth[rows])
    return names, error_correlations(sample, result.metric)


def _ranked(result: Result) -> list[str]:
    """Return the members, the best first."""
    oofs = sorted(result.oof.values(), key=lambda oof: result.metric.sort_key(oof.score))
    return [oof.model for oof in oofs]


def _growth(result: Result, weights: Mapping[str, float]) -> list[float]:
    """Return the score of the sum of the first members by weight, of one, of two, and so on."""
    used = list(by_weight(weights, _ranked(result)))
    if len(used) < 3 or not set(used) <= result.oof.keys() or needs_cuts(result.metric):
        return []
    members = [result.oof[name] for name in used]
    rows = _drawn(np.flatnonzero(np.all([oof.covered for oof in members], axis=0)))
    truth, scores, total, summed = (
        result.truth[rows],
        [],
        0.0,
        np.zeros(members[0].valid[rows].shape),
    )
    for oof in members:
        summed, total = summed + weights[oof.model] * oof.valid[rows], total + weights[oof.model]
        scores.append(result.metric.score(truth, summed / total))
    return scores


def _predicted(result: Result, weights: Mapping[str, float]) -> Predicted | None:
    """Return predictions of the blend; without one, of the best member."""
    used = {name: weight for name, weight in weights.items() if weight}
    if result.blend is not None:
        parts, by = [(1.0, result.blend.honest)], "Honest predictions of the blend"
    elif used and used.keys() <= result.oof.keys():
        # Stacks and means of ranks are no sums of their members; nearly, they are.
        parts = [(weight, result.oof[name].valid) for name, weight in used.items()]
        by = "Out-of-fold predictions of the members, summed by their weights in the blend"
    elif result.oof:
        oofs = list(result.oof.values())
        best = oofs[result.metric.best([oof.score for oof in oofs])]
        parts, by = [(1.0, best.valid)], f"Out-of-fold predictions of {best.model}"
    else:
        return None
    first = parts[0][1]
    known = np.flatnonzero(np.isfinite(first.reshape(len(first), -1)).all(axis=1))
    rows = _drawn(known)
    values = np.sum([weight * values[rows] for weight, values in parts], axis=0)
    ids = np.asarray(result.dataset.train_ids)[rows]
    return Predicted(ids, result.target[rows], values, rows, len(known), by)


def _pairs(result: Result) -> list[str]:
    """Return what the test says of the best network and the best boosting model."""
    metric, competition = result.metric, result.competition
    best: dict[Family, OutOfFold] = {}
    for oof in sorted(result.oof.values(), key=lambda oof: metric.sort_key(oof.score)):
        best.setdefault(family_of(competition, oof), oof)
    rivals = [oof for family, oof in best.items() if family in RIVALS]
    # Labels that need cut points are compared by `comps compare`, which fits them.
    if len(rivals) < 2 or needs_cuts(metric):
        return []
    dataset = result.dataset
    dependent = dependent_rows(
        len(result.target),
        dataset.queries if dataset.groups is None else dataset.groups,
        dataset.times,
    )
    pairs = compare(rivals, result.truth, result.folds, metric, dependent)
    families = {oof.model: family_of(competition, oof) for oof in rivals}
    return [text for text, _ in verdicts(metric, families, pairs)]
