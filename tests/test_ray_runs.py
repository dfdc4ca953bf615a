"""Whole calls on a Ray cluster, and what a user meets: each kind of data, searches, faults."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import boosting
from comps.base import UsageError
from pipelines import cross_validate, run, tune
from pipelines.engines import EngineChoices, LocalEngine
from pipelines.engines.ray import RayEngine
from pipelines.store import Experiment, RunStore
from tests.commands import comps, environment
from tests.marks import WITH_TENSORFLOW
from tests.ray_clusters import add_node, cluster_of, same_results
from tests.support import NETWORK, ROOT, build_network, sign, validate
from tests.tables import own, table, unseen

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """That of a cluster of two nodes of one core each."""
    with cluster_of(1, 1) as cluster:
        yield cluster.address


@pytest.mark.slow
@pytest.mark.parametrize(
    ("competition", "models"),
    [
        ("house-prices", "median,ridge,lightgbm,mlp"),
        ("sentiment", "class-share,naive-bayes"),
        pytest.param("digits", "shares,svc,convnet,dense", marks=pytest.mark.long),
        pytest.param("dogs-vs-cats", "class-share,lightgbm", marks=pytest.mark.long),
        ("temperature", "common-sense,ridge,lightgbm"),
    ],
)
def test_every_kind_of_data_gives_the_bytes_of_the_local_engine(
    competition: str, models: str, address: str, tmp_path: Path
) -> None:
    """Tables, texts, images of two kinds, and a series: networks of both backends among them."""
    choices: dict[str, Any] = {"models": models, "folds": 2}
    here = cross_validate(competition, runs=tmp_path / "here", **choices)
    there = cross_validate(
        competition, runs=tmp_path / "there", engine="ray", address=address, **choices
    )
    assert here.failures == there.failures == {}
    stores = [RunStore(tmp_path / name / competition) for name in ("here", "there")]
    assert same_results(*stores) >= len(models.split(",")) * 3


OWN = """
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

from comps import estimator, table_competition

from .features import Ratios


class Halved(Ridge):
    def predict(self, rows):
        return super().predict(rows) / 2


COMPETITION = table_competition(
    Path({data!r}), target="y", metric="rmse", name="mine",
    models=["median", estimator(Halved(), name="halved", features=Ratios)],
)
"""
FEATURES = """
class Ratios:
    def fit_transform(self, rows, target=None):
        self.mean = float(rows["a"].mean())
        return self.transform(rows)

    def transform(self, rows):
        return (rows[["a", "b"]] / self.mean).to_numpy()
"""


@pytest.mark.slow
def test_a_competition_of_the_users_travels_with_its_jobs(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "competitions" / "mine"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"id": range(60), "a": rng.uniform(1, 2, 60), "b": rng.uniform(1, 2, 60)})
    rows.assign(y=rows["a"] * rows["b"]).to_csv(tmp_path / "train.csv", index=False)
    (folder / "competition.py").write_text(OWN.format(data=str(tmp_path / "train.csv")))
    (folder / "features.py").write_text(textwrap.dedent(FEATURES))
    monkeypatch.setenv("COMPS_COMPETITIONS", str(folder.parent))
    stores = []
    for name, choices in (("here", {}), ("there", {"engine": "ray", "address": address})):
        found = cross_validate("mine", folds=3, runs=tmp_path / name, **choices)
        assert found.failures == {}
        stores.append(RunStore(tmp_path / name / "mine"))
    assert same_results(*stores) == 2 * 4


@pytest.mark.slow
def test_a_limited_run_is_done_again_on_the_cluster_to_the_byte(
    address: str, tmp_path: Path
) -> None:
    """With folds of a file and sealed rows, of which the machines of the cluster have no files."""
    competition, file = own(table(120), unseen()), tmp_path / "folds.csv"
    numbers = pd.DataFrame({"id": range(120), "fold": np.arange(120) % 5})
    numbers.to_csv(file, index=False)
    choices: dict[str, Any] = {"folds_file": file, "sealed": 0.2}
    first = run(
        competition, models="median,ridge", time_limit="20s", runs=tmp_path / "a", **choices
    )
    there: dict[str, Any] = {"engine": "ray", "address": address, "runs": tmp_path / "b"}
    file.unlink()
    again = run(competition, like=tmp_path / "a", **there)
    assert first.folds.n_folds == again.folds.n_folds == 5
    assert any("byte for byte" in note for note in again.notes)
    pd.testing.assert_frame_equal(first.submission, again.submission, check_exact=True)


@pytest.mark.slow
def test_a_search_on_the_cluster_finds_what_one_in_this_process_finds(
    address: str, tmp_path: Path
) -> None:
    competition = own(table(), metric="rmse", models=[boosting("lightgbm", rounds=20)], name="made")
    choices: dict[str, Any] = {"trials": 3, "folds": 3, "outer": 0.0, "jobs": 1}
    on_it: dict[str, Any] = {"engine": "ray", "address": address}
    here = tune(competition, "lightgbm", runs=tmp_path / "here", engine="inline", **choices)
    there = tune(competition, "lightgbm", runs=tmp_path / "there", **on_it, **choices)
    trials = [found.trials.drop(columns="seconds") for found in (here, there)]
    pd.testing.assert_frame_equal(*trials, check_exact=True)
    # Its trials are stored: the study goes on.
    more = tune(
        competition, "lightgbm", runs=tmp_path / "there", **on_it, **{**choices, "trials": 5}
    )
    assert len(more.results) == 5
    assert [result.trial.params for result in more.results[:3]] == [
        result.trial.params for result in here.results
    ]


def build_telling(
    shapes: Mapping[str, tuple[int, ...]], steps: int, *, units: int, dropout: float, told: str
) -> Any:
    """Return a network; leave a file that is called as the GPU that its process sees."""
    folder = Path(told.removeprefix("file://"))
    sign(str(folder / f"{os.environ.get('CUDA_VISIBLE_DEVICES')}-{os.getpid()}"))
    return build_network(shapes, steps, units=units, dropout=dropout)


@pytest.mark.slow
def test_folds_of_one_network_are_divided_among_gpus(
    experiment: Experiment, tmp_path: Path
) -> None:
    """Ray gives out GPUs by what a node says that it has; here the network is trained on cores."""
    (tmp_path / "told").mkdir()
    params = {**NETWORK.params, "told": (tmp_path / "told").as_uri()}
    models = [replace(NETWORK, name=n, params=params, build=build_telling) for n in ("a", "b")]
    stores = [RunStore(tmp_path / name) for name in ("here", "there")]
    with cluster_of(2, num_gpus=2) as cluster:
        engine = RayEngine(EngineChoices(address=cluster.address))
        outcome = validate(experiment, models, stores[0], engine=lambda: engine)
    assert outcome.failures == {}
    cards, processes = zip(*(p.name.split("-") for p in (tmp_path / "told").iterdir()), strict=True)
    assert sorted(cards) == ["0", "0", "1", "1"]
    # The next job in a slot may get the other GPU: no process has two jobs.
    assert len(set(processes)) == 4
    validate(experiment, models, stores[1], engine=lambda: LocalEngine(1))
    assert same_results(*stores) == 2 * 4


@pytest.mark.slow
def test_a_machine_with_other_versions_is_an_error_before_any_work(tmp_path: Path) -> None:
    told = tmp_path / "keras-0.0.1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: keras\nVersion: 0.0.1\n")
    with cluster_of(1) as cluster:
        add_node(cluster, 1, str(tmp_path))
        with pytest.raises(UsageError, match=r"has other versions than this one: keras 0\.0\.1 \("):
            cross_validate(
                "house-prices",
                models="median",
                runs=tmp_path / "runs",
                engine="ray",
                address=cluster.address,
            )
    assert not list(tmp_path.glob("runs/**/*.npz"))


@pytest.mark.slow
def test_an_address_without_a_cluster_is_refused(tmp_path: Path) -> None:
    choices: dict[str, Any] = {"models": "median", "runs": tmp_path, "engine": "ray"}
    with pytest.raises(UsageError, match="There is no Ray cluster at 127.0.0.1:1"):
        cross_validate("house-prices", address="127.0.0.1:1", **choices)
    with pytest.raises(UsageError, match="is that of Ray's client"):
        cross_validate("house-prices", address="ray://127.0.0.1:10001", **choices)
    with pytest.raises(UsageError, match="nowhere cannot be the address of a Ray cluster"):
        cross_validate("house-prices", address="nowhere", **choices)


def test_an_address_of_the_environment_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UsageError, match=r"127.0.0.1:1 \(\$RAY_ADDRESS\).*or unset RAY_ADDRESS"):
        cross_validate("house-prices", models="median", runs=tmp_path, engine="ray")


@pytest.mark.slow
def test_a_cluster_that_wants_a_token_says_where_it_is_from(tmp_path: Path) -> None:
    """The heads that `ray start` makes want one where Ray has ever kept one."""
    script = (
        "from tests.ray_clusters import cluster_of\n"
        "with cluster_of(1) as cluster:\n"
        "    print(cluster.address, flush=True)\n"
        "    input()\n"
    )
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}
    head = subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment(token),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert head.stdin is not None and head.stdout is not None
    try:
        address = head.stdout.readline().strip()
        cv = ("cv", "house-prices", "--model", "median", "--folds", "2", "--engine", "ray")
        # One attempt, and not twenty.
        alone = {"HOME": str(tmp_path), "RAY_NUM_REDIS_GET_RETRIES": "1"}
        done = comps(*cv, "--address", address, cwd=tmp_path, env=alone, code=2)
        assert f"The Ray cluster at {address} wants its token" in done.err
        assert "[2" not in done.err and "Traceback" not in done.err
        missing = {**alone, "RAY_AUTH_MODE": "token"}
        done = comps(*cv, "--address", address, cwd=tmp_path, env=missing, code=2)
        assert f"The Ray cluster at {address} wants its token" in done.err
        comps(*cv, "--address", address, cwd=tmp_path, env=token)
    finally:
        head.stdin.close()
        head.wait()


SCRIPT = """
import keras

from comps import network
from pipelines import cross_validate
from tests.tables import own


def dense(shapes, units=4):
    layers = [keras.Input(shapes["rows"]), keras.layers.Dense(units), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


found = cross_validate(
    own(), models=[network(dense, epochs=1)], folds=2, backend="tensorflow", runs={runs!r},
    engine="ray", address={address!r},
)
assert keras.backend.backend() == "jax"
assert found.failures == {{}}, found.failures
"""


@pytest.mark.slow
@WITH_TENSORFLOW
def test_a_network_of_a_script_that_imports_keras_is_trained_on_its_backend(
    address: str, tmp_path: Path
) -> None:
    """A worker that reads the network's function imports Keras with it."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(runs=str(tmp_path / "runs"), address=address))
    # As the machines of the cluster have it.
    backend = {"KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment(backend),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
