"""`export`: a folder that predicts without the training code."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from comps.base import Competition, StoreError, UsageError, unknown_name
from pipelines.api.choices import REQUIRED, Options, RowChoices, checked_choice
from pipelines.api.export.code import Place, code_of, write_code
from pipelines.api.export.form import Form, form_of, write_files
from pipelines.api.export.libraries import imported, requirements
from pipelines.api.export.onnx import check_onnx, write_onnx
from pipelines.api.export.readme import readme
from pipelines.api.export.trial import trial
from pipelines.api.kept_models import KeptModels
from pipelines.api.predicting import predicted
from pipelines.api.progress import Progress
from pipelines.api.stored import Stored, open_stored
from pipelines.basics.kept_objects import NotKeptError, dump_object
from pipelines.basics.version import own_version
from pipelines.fitting.keeping import FEATURES
from pipelines.fitting.residual import PARAMETER
from pipelines.folds import Held
from pipelines.results.oof import predicting
from pipelines.trainers import load_trainer, modules_of, packages_of

_HEAD = "export.json"
# What an export writes; one into the same folder replaces these.
_PARTS = (
    _HEAD,
    "README.md",
    "blend.skops",
    "features",
    "form",
    "lib",
    "members",
    "onnx",
    "predict.py",
    "requirements.txt",
    "requirements-serve.txt",
    "serve.py",
)
# The package that fitted blends are made of.
_OF_BLENDS = ("ensembles",)
_BACKENDS = ("jax", "tensorflow", "torch")


@dataclass(frozen=True)
class ExportedFolder:
    """A folder that predicts.

    Attributes:
        folder: where it is.
        members: weights of the models in it.
        form_rows: how many training rows are in it, by which new rows are read.
        requirements: the libraries that it needs, with their versions.
        size: its bytes.
        tried_rows: rows that it was tried on.
        difference: the largest relative difference from `predict` on these rows; of labels, the
            share that differs.
        onnx: by member why its models are not in `onnx/`, an empty text where they are; empty
            where that was not asked for.
    """

    folder: Path
    members: Mapping[str, float]
    form_rows: int
    requirements: tuple[str, ...]
    size: int
    tried_rows: int
    difference: float
    onnx: Mapping[str, str] = field(default_factory=dict)


def export(
    competition: str | Competition,
    *,
    to: str | Path,
    member: str | None = None,
    onnx: bool = False,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> ExportedFolder:
    """Write a folder that predicts new rows without this package; nothing is trained.

    It holds the kept models of the last run, their blend, the code that reads rows, and a program:
    `python predict.py rows.csv --out predictions.csv`. Before the folder is there, the program is
    run in a process of its own, and must predict what `predict` does.

    Some rows of the training data are in it: the competition's own loader reads new rows by them.

    Args:
        competition: a name. Competitions in memory, and those inferred from files, have no code
            that could be copied.
        to: the folder; it must be empty, or hold an earlier export, which is replaced.
        member: the model that predicts, in place of the blend.
        onnx: whether models are written as ONNX, too. They take features, which `features/` makes
            of rows. Those that no converter takes, or that predict something else in ONNX by more
            than 1e-5, are left out.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        UsageError: if a model that is needed was not kept, or the competition reads no new rows.
        MissingPackageError: if converters to ONNX are asked for and not installed.
        StoreError: if a file is damaged, or the folder cannot be written.

    >>> import tempfile, pipelines
    >>> runs = tempfile.mkdtemp()
    >>> made = pipelines.run("house-prices", models="median,ridge", runs=runs, engine="inline")
    >>> found = export("house-prices", to=runs + "/model", runs=runs)
    >>> found.difference < 1e-6, sorted(found.members)
    (True, ['ridge'])
    """
    folder: Path = checked_choice("to", to, "Path", REQUIRED)
    _check_folder(folder)
    if onnx:
        check_onnx()
    place = code_of(competition)
    stored = open_stored(Options.of(competition, choices), progress)
    if member is not None and member not in stored.oofs:
        raise unknown_name("member", member, stored.oofs)
    if not _reads_tables(stored.session.competition):
        raise UsageError(
            f"{stored.session.competition.name} reads files of its own form, such as images or "
            "series, which an exported folder cannot read yet. 'comps predict' predicts new ones."
        )
    try:
        with tempfile.TemporaryDirectory() as made:
            found = _Export(stored, place, Path(made), member).write(folder, onnx)
            _move(Path(made), folder)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error}.") from error
    return found


def _reads_tables(competition: Competition) -> bool:
    """Whether new rows are a table, of which a few can go into the folder."""
    reader = competition.with_test
    return reader is not None and getattr(getattr(reader, "__self__", reader), "of_tables", True)


def _check_folder(folder: Path) -> None:
    """Refuse a folder whose files would be lost among those of an export, before it is made.

    Raises:
        UsageError: that names some of them, or says why nothing can be written there.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if there != folder and not (there.is_dir() and os.access(there, os.W_OK)):
        raise UsageError(f"{folder} cannot be made: {there} is a file, or cannot be written to.")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"A folder was expected; {folder} is a file.")
    if folder.exists() and any(folder.iterdir()) and not (folder / _HEAD).is_file():
        names = sorted(path.name for path in folder.iterdir())
        raise UsageError(
            f"{folder} holds other files ({', '.join(names[:3])}). Name a new folder, an empty "
            "one, or that of an earlier export, which is replaced."
        )


def _move(made: Path, folder: Path) -> None:
    """Put the parts of an export into a folder; other files in it stay."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PARTS:
        old = folder / name
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)
    # The head comes last: a folder with it is whole.
    for name in (*(part for part in _PARTS if part != _HEAD), _HEAD):
        if (made / name).exists():
            shutil.move(made / name, folder / name)


class _Export:
    def __init__(self, stored: Stored, place: Place, folder: Path, member: str | None) -> None:
        self._stored, self._place, self._folder = stored, place, folder
        self._member, self._models = member, KeptModels(stored)
        self._competition = stored.session.competition
        self._chosen = None if member is not None else stored.own_blend()
        self._packages = {place.module.partition(".")[0]}
        self._modules: set[str] = set()
        self._backends: set[str] = set()

    def write(self, target: Path, onnx: bool) -> ExportedFolder:
        """Write everything, and try it."""
        form = form_of(self._competition, self._stored.session.source.path)
        write_files(self._folder / "form", form.files)
        write_code(self._place, self._folder, self._stored.session.source.path)
        weights, blend = self._blend()
        members = [
            self._write_member(place, name, weight)
            for place, (name, weight) in enumerate(weights.items(), start=1)
        ]
        backend = next((name for name in _BACKENDS if name in self._backends), _BACKENDS[0])
        lib = self._folder / "lib" / "user_competitions"
        files = [path.name for path in self._folder.glob("members/*/*/*")]
        if "lightgbm" in blend.pop("of", ()):
            files.append("lightgbm.txt")
        told = {
            "made_by": f"competition-workbench {own_version()}",
            "competition": self._place.module,
            "task": str(self._competition.task),
            "backend": backend,
            "trusted": sorted({"comps", *self._packages, *_OF_BLENDS}),
            "modules": sorted(filter(_is_own, self._modules)),
            "columns": list(form.columns),
            **blend,
            "members": members,
            "checksums": self._checksums(),
        }
        (self._folder / _HEAD).write_text(json.dumps(told, indent=1), encoding="utf-8")
        tried = trial(self._folder, form.name, form.test, self._wanted(form))
        needed = requirements(files, backend, self._packages | imported(lib), tried.loaded)
        reasons = write_onnx(self._folder, form.name, form.test, members) if onnx else {}
        self._write_texts(told, weights, form, needed, reasons)
        size = sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())
        used = {name: weight for name, weight in weights.items() if weight > 0}
        return ExportedFolder(
            target, used, form.rows, tuple(needed), size, tried.rows, tried.difference, reasons
        )

    def _blend(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Return weights by member, in the order of the blend, and what is told of it."""
        chosen = self._chosen
        if chosen is None:
            assert self._member is not None
            return {self._member: 1.0}, {"method": None, "cuts": None}
        try:
            content = dump_object(chosen.fitted, _OF_BLENDS)
        except NotKeptError as error:
            raise UsageError(
                f"The blend '{chosen.method}' cannot be exported: {error}. Export a member with "
                "--member."
            ) from error
        (self._folder / "blend.skops").write_bytes(content)
        cuts = None if chosen.cuts is None else chosen.cuts.as_json()
        weights = dict(zip(chosen.members, chosen.weights.tolist(), strict=True))
        of = ["lightgbm"] if "lightgbm" in chosen.parts else []
        return weights, {"method": chosen.method, "cuts": cuts, "of": of}

    def _write_member(self, place: int, name: str, weight: float) -> dict[str, Any]:
        """Write the models of a member; one without a weight in the blend needs none."""
        if weight <= 0:
            return {"name": name, "weight": 0.0, "residual": False, "fits": []}
        fits = [
            self._write_fit(f"members/{place}", name, held, repeat)
            for repeat in range(self._stored.oofs[name].n_repeats)
            for held in predicting(self._stored.experiment.folds)
        ]
        model = self._models.declared(name)
        self._packages |= packages_of(model)
        self._modules |= modules_of(model)
        backend = load_trainer(model.trainer).backend
        self._backends |= set() if backend is None else {backend}
        residual = bool(model.params.get(PARAMETER, False))
        return {"name": name, "weight": weight, "residual": residual, "fits": fits}

    def _write_fit(self, folder: str, member: str, held: Held, repeat: int) -> dict[str, Any]:
        """Write the model of a fold, and its transformer, which other models may have, too."""
        files = dict(self._models.final(member, held, repeat).files)
        features, content = None, files.pop(FEATURES, None)
        if content is not None:
            features = f"features/{hashlib.sha256(content).hexdigest()[:16]}.skops"
            write_files(self._folder, {features: content})
        own = f"{folder}/r{repeat}-{'all' if not held else f'f{held[0]}'}"
        write_files(
            self._folder / own, {name.removeprefix("model/"): file for name, file in files.items()}
        )
        return {"model": own, "features": features}

    def _checksums(self) -> dict[str, str]:
        """Return the checksums of what is read as a model, by the path in the folder."""
        paths = sorted(
            path
            for pattern in ("blend.skops", "features/*", "members/*/*/*")
            for path in self._folder.glob(pattern)
        )
        return {
            path.relative_to(self._folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
        }

    def _wanted(self, form: Form) -> Any:
        """Return what `predict` makes of the rows of a trial."""
        with tempfile.TemporaryDirectory() as made:
            file = Path(made) / form.name
            file.write_bytes(form.test)
            return predicted(self._stored, file, self._member, self._chosen)

    def _write_texts(
        self,
        told: Mapping[str, Any],
        weights: Mapping[str, float],
        form: Form,
        needed: list[str],
        onnx: Mapping[str, str],
    ) -> None:
        (self._folder / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
        serving = "-r requirements.txt\nfastapi\nuvicorn\n"
        (self._folder / "requirements-serve.txt").write_text(serving, encoding="utf-8")
        text = readme(self._competition, told, weights, form, needed, onnx)
        (self._folder / "README.md").write_text(text, encoding="utf-8")


def _is_own(module: str) -> bool:
    """Whether a module is neither of this program nor of Python."""
    package = module.partition(".")[0]
    return package not in {"comps", "pipelines", *sys.stdlib_module_names}
