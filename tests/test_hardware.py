"""What this machine has to train networks on, and who owns it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.basics import hardware
from pipelines.basics.hardware import DIVIDED, accelerators
from pipelines.crossval import cross_validate
from pipelines.engines import Done, InlineEngine
from pipelines.store import Experiment, RunStore
from tests.support import NETWORK, Recorder, python


@pytest.fixture(autouse=True)
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a package that is installed for JAX's CUDA plugin."""
    monkeypatch.setattr(hardware, "_CUDA", ("jax",))
    for name in ("JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def devices(folder: Path, *names: str) -> Path:
    """Return a folder that shows devices as the system's does."""
    for name in names:
        (folder / name).touch()
    return folder


CARDS = ("nvidia10", "nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null")


def test_each_card_gets_a_process(tmp_path: Path) -> None:
    found = accelerators(devices=devices(tmp_path, *CARDS))
    assert [own["CUDA_VISIBLE_DEVICES"] for own in found] == ["0", "1", "10"]


def test_one_process_can_own_all_cards(tmp_path: Path) -> None:
    assert accelerators(together=True, devices=devices(tmp_path, *CARDS)) == [DIVIDED]


@pytest.mark.parametrize(
    ("visible", "cards"), [("1", ["1"]), ("0, 1", ["0", "1"]), ("", []), ("-1", [])]
)
def test_hidden_cards_are_left_alone(
    visible: str, cards: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = accelerators(devices=devices(tmp_path, *CARDS))
    assert [own["CUDA_VISIBLE_DEVICES"] for own in found] == cards


def test_who_asks_for_the_cpu_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    assert accelerators(devices=devices(tmp_path, *CARDS)) == []


@pytest.mark.parametrize("names", [(), ("nvidiactl", "null")])
def test_without_a_card_there_is_nothing(names: tuple[str, ...], tmp_path: Path) -> None:
    assert accelerators(devices=devices(tmp_path, *names)) == []


def test_a_card_that_jax_cannot_drive_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "_CUDA", ("no_such_plugin",))
    assert accelerators(devices=devices(tmp_path, *CARDS)) == []


def test_a_tpu_belongs_to_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_OTHERS", {"/dev/accel0": "jax"})
    assert accelerators(devices=devices(tmp_path, "accel0", "accel1")) == [{}]


ASK_FOR_CARDS = """
from pathlib import Path
from pipelines.engines import local
from pipelines.store import RunStore
from tests.support import giving, make_jobs, scripted, tiny_experiment

if __name__ == "__main__":
    local.accelerators = lambda together: [{{"CUDA_VISIBLE_DEVICES": "5"}}]
    data, store, folder = map(Path, {arguments!r})
    engine = local.LocalEngine(2)
    models = [scripted(f"m{{number}}", "tell", folder) for number in range(2)]
    list(engine.run(giving(make_jobs(tiny_experiment(data), RunStore(store), models)), None))
    print(engine.accelerators)
    engine.close()
"""


@pytest.mark.slow
def test_a_worker_sees_its_own_card_or_none(
    two_cores: None, tiny_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    arguments = [str(path) for path in (tiny_data, tmp_path / "store", folder)]
    assert python(ASK_FOR_CARDS.format(arguments=arguments)).strip() == "1"
    cards = {path.read_text().split()[-1] for path in folder.iterdir()}
    assert cards == {"card=5", "card="}


class TwoCards(InlineEngine):
    """One job after the other, as if the first two of four slots owned a card."""

    slots, accelerators = 4, 2


@pytest.mark.slow
def test_the_folds_of_a_program_are_shared_by_the_cards(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    with store.writing():
        outcome = cross_validate(
            experiment,
            [NETWORK],
            store=store,
            engine=lambda: TwoCards(1),
            reporter=reporter,
        )
    assert [event.job.held for event in reporter.events if isinstance(event, Done)] == [
        ((0,), (1,)),
        ((2,),),
    ]
    assert np.isfinite(outcome.oofs[NETWORK.name].valid).all()
