"""Run stores on object storage, against a server on this machine that speaks S3."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comps.base import BusyError, StoreError, UsageError
from pipelines import cross_validate, load_run, report, run, tune
from pipelines.basics.files import remove_unfinished
from pipelines.store import RunStore
from pipelines.store import _lease as leases
from pipelines.store import _mirror as mirrors
from pipelines.store._lease import ALIVE, Lease
from pipelines.store._mirror import Mirror, address_of
from pipelines.tuning.best import Best, read_best, tuning_folder, write_best
from tests.commands import comps, environment
from tests.support import RIDGE, no_engine, tiny_experiment, validate


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """A server that speaks S3; what its clients have in their environment."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture
def bucket(
    server: dict[str, str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[str]:
    """The address of an empty bucket."""
    from fsspec.core import url_to_fs

    for name, value in server.items():
        monkeypatch.setenv(name, value)
    at_machine("first", tmp_path, monkeypatch)
    files, _ = url_to_fs("s3://")
    name = f"bucket-{abs(hash(request.node.name))}"
    files.mkdir(name)
    yield f"s3://{name}/runs"
    forget()


def forget() -> None:
    """Forget what this process knows of storages, as another one would not know it."""
    import atexit

    atexit.unregister(mirrors._send_left)
    mirrors._opened.clear()


def at_machine(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go on as a process of another machine, whose cache is another folder."""
    forget()
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / name))


def names_in(address: str) -> set[str]:
    """Return the names of the files at an address."""
    mirror = Mirror(address)
    return {path.removeprefix(f"{mirror._base}/") for path in mirror.files.find(mirror._base)}


def test_what_one_machine_writes_another_one_finds(
    bucket: str, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, root = tiny_experiment(tiny_data), Path(bucket) / "tiny"
    validate(experiment, [RIDGE], RunStore(root), keep="all")
    key = experiment.key(RIDGE)
    assert {"store.json", f"models/ridge/{key}/r0-f2.npz"} <= names_in(f"{bucket}/tiny")
    assert f"models/ridge/{key}/r0-f2.model.zip" in names_in(f"{bucket}/tiny")
    at_machine("second", tmp_path, monkeypatch)
    found = validate(experiment, [RIDGE], RunStore(root), engine=no_engine, keep="all")
    assert list(found.oofs) == ["ridge"] and found.fitted == 0
    assert str(RunStore(root).root).startswith(str(tmp_path / "second"))


@pytest.mark.slow
def test_a_whole_run_lies_there_and_can_be_read_from_another_machine(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices: dict[str, Any] = {"models": "median,ridge", "folds": 3, "engine": "inline"}
    made = run("house-prices", runs=bucket, nested=False, checks=False, **choices)
    at_machine("second", tmp_path, monkeypatch)
    assert load_run("house-prices", runs=bucket).submission.equals(made.submission)


@pytest.mark.slow
def test_a_run_at_an_address_is_done_again_and_other_competitions_stay_there(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices: dict[str, Any] = {"models": "median", "folds": 2, "engine": "inline", "checks": False}
    made = run("house-prices", runs=bucket, nested=False, **choices)
    Mirror(bucket).files.pipe_file(f"{bucket}/digits/submission.csv", b"large")
    at_machine("second", tmp_path, monkeypatch)
    here: dict[str, Any] = {"engine": "inline", "checks": False}
    # As text, and as the path that the command line makes of it.
    for number, like in enumerate((bucket, Path(bucket), Path(bucket) / "house-prices")):
        again = run("house-prices", like=like, runs=tmp_path / str(number), **here)
        assert again.submission.equals(made.submission)
    assert not list((tmp_path / "second").rglob("digits"))
    with pytest.raises(UsageError, match=rf"^{bucket} has no record of a run"):
        run("sentiment", like=bucket, runs=tmp_path / "other", **here)
    assert not list((tmp_path / "second").rglob("digits"))


@pytest.mark.slow
def test_commands_take_an_address(bucket: str, tmp_path: Path) -> None:
    arguments = ("--runs", bucket, "--models", "median", "--folds", "2", "--engine", "inline")
    env = environment({"COMPS_CACHE": str(tmp_path / "other")})
    comps("cv", "house-prices", *arguments, cwd=tmp_path, env=env)
    again = comps("cv", "house-prices", *arguments, "--json", cwd=tmp_path, env=env)
    assert again.event("planned") == {"event": "planned", "to_fit": 0, "stored": 2}
    assert not (tmp_path / "runs").exists() and not (tmp_path / "s3:").exists()
    assert any(name.endswith("r0-f1.npz") for name in names_in(f"{bucket}/house-prices"))


BEST = Best("ridge", "tiny-ridge", {"alpha": 2.0}, 3, 0.5, 0.6, "data", unchecked="not wanted")


def test_winners_of_searches_are_sent_and_studies_stay_on_the_machine(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(Path(bucket) / "tiny")
    with store.writing():
        write_best(store, BEST)
        folder = tuning_folder(store)
        for name in ("optuna.db", "ridge.svg", "work-1/r0-f0.npz", "keras/ridge/trial.json"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("here")
    assert names_in(f"{bucket}/tiny") - {"store.json", ".lock-00000001"} == {
        "tuning/best/ridge.json",
        "tuning/ridge.svg",
    }
    at_machine("second", tmp_path, monkeypatch)
    assert read_best(RunStore(Path(bucket) / "tiny"), "ridge") == BEST


def test_what_is_removed_on_one_machine_is_gone_on_the_other(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(bucket) / "tiny"
    store = RunStore(root)
    with store.writing():
        store.write_text("errors/one.log", "text")
        store.write_text("errors/other.log", "text")
    at_machine("second", tmp_path, monkeypatch)
    other = RunStore(root)
    with other.writing():
        (other.root / "errors" / "one.log").unlink()
        other.write_text("errors/other.log", "changed")
    at_machine("first", tmp_path, monkeypatch)
    again = RunStore(root)
    assert [path.name for path in (again.root / "errors").iterdir()] == ["other.log"]
    assert (again.root / "errors" / "other.log").read_text() == "changed"


def test_what_was_not_sent_when_a_process_died_is_sent_by_the_next_command(bucket: str) -> None:
    store = RunStore(Path(bucket) / "tiny")
    store.write_text("errors/ridge.log", "text")
    forget()
    assert names_in(f"{bucket}/tiny") == set()
    with RunStore(Path(bucket) / "tiny").writing():
        pass
    assert "errors/ridge.log" in names_in(f"{bucket}/tiny")


def changed(monkeypatch: pytest.MonkeyPatch, address: str, name: str, instead: Any) -> Any:
    """Replace a method of the file system of an address, `instead(real, *arguments)`."""
    files = Mirror(address).files
    real = getattr(files, name)
    monkeypatch.setattr(files, name, lambda *given, **named: instead(real, *given, **named))
    return files


def test_what_changed_after_a_send_that_failed_is_not_replaced_by_what_was_sent(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(real: Any, path: str, *more: Any) -> None:
        if path.endswith("other.log"):
            raise PermissionError("no further files")
        real(path, *more)

    store, folder = RunStore(Path(bucket) / "tiny"), "errors"
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="no further files"):
        changed(patch, f"{bucket}/tiny", "put_file", full)
        with store.writing():
            store.write_text(f"{folder}/ridge.log", "sent")
            store.write_text(f"{folder}/other.log", "not sent")
    store.write_text(f"{folder}/ridge.log", "newer")
    forget()
    with RunStore(Path(bucket) / "tiny").writing():
        assert (store.root / folder / "ridge.log").read_text() == "newer"
    files = Mirror(f"{bucket}/tiny").files
    assert files.cat_file(f"{bucket}/tiny/{folder}/ridge.log") == b"newer"
    assert files.cat_file(f"{bucket}/tiny/{folder}/other.log") == b"not sent"


@pytest.mark.parametrize("seconds", [-60, 60])
def test_of_a_file_that_was_changed_here_and_there_the_newer_one_stays(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    store = RunStore(Path(bucket) / "tiny")
    with store.writing():
        store.write_text("blend.json", "old")
    Mirror(f"{bucket}/tiny").files.pipe_file(f"{bucket}/tiny/blend.json", b"there")
    path = store.write_text("blend.json", "here")
    os.utime(path, (clock() + seconds,) * 2)
    forget()
    assert RunStore(Path(bucket) / "tiny").root == store.root
    assert path.read_text() == ("here" if seconds > 0 else "there")


def test_what_was_changed_here_stays_where_another_machine_removed_it(bucket: str) -> None:
    store = RunStore(Path(bucket) / "tiny")
    with store.writing():
        store.write_text("blend.json", "old")
        store.write_text("errors/ridge.log", "old")
    for name in ("blend.json", "errors/ridge.log"):
        Mirror(f"{bucket}/tiny").files.rm_file(f"{bucket}/tiny/{name}")
    store.write_text("blend.json", "new")
    forget()
    with RunStore(Path(bucket) / "tiny").writing():
        assert not (store.root / "errors" / "ridge.log").exists()
    assert names_in(f"{bucket}/tiny") == {"store.json", "blend.json", ".lock-00000002"}


def test_objects_that_stand_for_folders_are_no_files(bucket: str) -> None:
    files = Mirror(f"{bucket}/tiny").files
    for name in ("", "models/", "models/ridge/"):
        files.call_s3("put_object", Bucket=bucket.split("/")[2], Key=f"runs/tiny/{name}")
    store = RunStore(Path(bucket) / "tiny")
    assert not (store.root / "models").exists()
    with store.writing():
        store.write_text("models/ridge/model.json", "{}")
    assert "models/ridge/model.json" in names_in(f"{bucket}/tiny")


def test_commands_of_one_machine_fetch_after_one_another(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, both = f"{bucket}/tiny", threading.Barrier(2)
    errors: list[Exception] = []

    def together(real: Any, *given: Any) -> None:
        try:
            both.wait(timeout=1)
        except threading.BrokenBarrierError:
            real(*given)

    def fetch(mirror: Mirror) -> None:
        try:
            mirror.fetch()
        except Exception as error:
            errors.append(error)

    changed(monkeypatch, address, "get_file", together).pipe_file(f"{address}/blend.json", b"new")
    fetching = [threading.Thread(target=fetch, args=[Mirror(address)]) for _ in range(2)]
    for thread in fetching:
        thread.start()
    for thread in fetching:
        thread.join()
    assert not errors and both.broken
    assert (Mirror(address).folder / "blend.json").read_text() == "new"


def test_a_run_that_begins_leaves_what_a_reader_fetches(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cleaned(real: Any, there: str, here: str) -> None:
        real(there, here)
        remove_unfinished(Path(here).parent)

    address = f"{bucket}/tiny"
    changed(monkeypatch, address, "get_file", cleaned).pipe_file(f"{address}/blend.json", b"new")
    assert (RunStore(Path(address)).root / "blend.json").read_text() == "new"


def test_a_fetch_that_fails_leaves_nothing_half_written(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(real: Any, there: str, here: str) -> None:
        Path(here).write_bytes(b"ha")
        raise ConnectionError("gone")

    address = f"{bucket}/tiny"
    changed(monkeypatch, address, "get_file", broken).pipe_file(f"{address}/blend.json", b"half")
    with pytest.raises(StoreError, match="cannot be read: ConnectionError: gone"):
        RunStore(Path(address))
    assert not list(Mirror(address).folder.glob("*blend*"))


# One at a time


def lease_at(address: str) -> Lease:
    """Take the lock of a store."""
    mirror = Mirror(address)
    return Lease.taken(mirror.files, mirror._base, address)


def test_a_store_that_is_held_is_refused_at_once(bucket: str) -> None:
    with (
        RunStore(Path(bucket) / "tiny").writing(),
        pytest.raises(BusyError, match=rf"writing to {bucket}/tiny \(process {os.getpid()} on "),
    ):
        lease_at(f"{bucket}/tiny")
    lease_at(f"{bucket}/tiny").give_back()


def test_of_two_who_saw_the_same_last_number_one_gets_the_lock(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{bucket}/tiny"
    lease_at(address).give_back()
    seen = leases._numbers(Mirror(address).files, Mirror(address)._base)
    first = lease_at(address)
    look, calls = leases._numbers, iter([seen])
    monkeypatch.setattr(leases, "_numbers", lambda *at: next(calls, None) or look(*at))
    with pytest.raises(BusyError):
        lease_at(address)
    first.check()


def test_who_saw_numbers_that_are_long_gone_does_not_get_the_lock(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{bucket}/tiny"
    lease_at(address).give_back()
    for _ in range(2):
        last = lease_at(address)
        last.give_back()
    holder = lease_at(address)
    look, calls = leases._numbers, iter([[1]])
    monkeypatch.setattr(leases, "_numbers", lambda *at: next(calls, None) or look(*at))
    with pytest.raises(BusyError):
        lease_at(address)
    holder.check()
    assert {name for name in names_in(address) if "lock" in name} == {".lock-00000004"}


def test_a_lock_of_a_process_that_says_nothing_is_taken_over_and_it_learns_of_that(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{bucket}/tiny"
    silent = lease_at(address)
    monkeypatch.setattr(leases.time, "time", lambda: clock() + ALIVE + 1)
    lease_at(address)
    with pytest.raises(StoreError, match="Another process took over"):
        silent.check()


clock = leases.time.time


@pytest.mark.parametrize("name", ["get_file", "put_file"])
def test_a_holder_renews_its_lock_while_it_fetches_or_sends(
    bucket: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    address, seen = f"{bucket}/tiny", []

    def renewed() -> float:
        return float(json.loads(files.cat_file(f"{address}/.lock-00000001"))["renewed"])

    def slow(real: Any, *given: Any) -> None:
        before, end = renewed(), clock() + 20
        while renewed() == before and clock() < end:
            time.sleep(0.01)
        seen.append(renewed() > before)
        real(*given)

    files = changed(monkeypatch, address, name, slow)
    store = RunStore(Path(address))
    files.pipe_file(f"{address}/blend.json", b"there")
    monkeypatch.setattr(mirrors, "_PERIOD", 0.01)
    monkeypatch.setattr(leases, "ALIVE", 0.0)
    with store.writing():
        pass
    assert seen and all(seen)


def test_a_holder_that_was_taken_over_sends_nothing_more(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"{bucket}/tiny"

    def taken_over(real: Any, *given: Any) -> None:
        real(*given)
        files.pipe_file(f"{address}/.lock-00000002", leases._content(free=True))

    files = changed(monkeypatch, address, "put_file", taken_over)
    store = RunStore(Path(address))
    monkeypatch.setattr(mirrors, "_PERIOD", 0.001)
    # Before, so that all are sent at once.
    store.write_text("blend.json", "ours")
    store.write_text("errors/ridge.log", "ours")
    with pytest.raises(StoreError, match="Another process took over"), store.writing():
        pass
    mirrors._send_left(mirrors._opened[address])
    assert {name for name in names_in(address) if ".lock" not in name} == {"blend.json"}
    assert capsys.readouterr().err == ""


def test_what_is_left_at_the_end_of_a_process_is_sent_under_the_lock(
    bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"{bucket}/tiny"
    store = RunStore(Path(address))
    mirror = mirrors._opened[address]
    store.write_text("report.html", "ours")
    holder = lease_at(address)
    mirrors._send_left(mirror)
    assert names_in(address) == {".lock-00000001"}
    Mirror(address).files.pipe_file(f"{address}/blend.json", b"theirs")
    holder.give_back()
    mirrors._send_left(mirror)
    assert names_in(address) == {".lock-00000002", "report.html", "blend.json"}
    assert (store.root / "blend.json").read_text() == "theirs"
    mirrors._send_left(mirror)
    assert ".lock-00000002" in names_in(address)
    assert capsys.readouterr().err == ""


def test_what_cannot_be_sent_at_the_end_is_told_in_a_line(
    bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(real: Any, *given: Any) -> None:
        raise ConnectionError("gone")

    address = f"{bucket}/tiny"
    RunStore(Path(address)).write_text("report.html", "ours")
    changed(monkeypatch, address, "put_file", broken)
    mirrors._send_left(mirrors._opened[address])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Warning: not all that was written is sent. {address} cannot be ")


@pytest.mark.slow
def test_searches_and_reports_are_sent_before_the_process_ends(bucket: str) -> None:
    choices: dict[str, Any] = {"runs": bucket, "folds": 2, "engine": "inline", "checks": False}
    address = f"{bucket}/house-prices"
    tune("house-prices", "ridge", trials=1, outer=0, **choices)
    tuned = names_in(address)
    assert {"tuning/best/ridge.json", "tuning/house-prices-ridge-outer-0.svg"} <= tuned
    (record,) = (name for name in tuned if name.endswith("-tune.json"))
    assert json.loads(Mirror(address).files.cat_file(f"{address}/{record}"))["status"] == "done"
    run("house-prices", models="median", nested=False, **choices)
    report("house-prices", runs=bucket)
    assert {"report.html", "report.json"} <= names_in(address)


def test_a_process_that_ends_sends_what_is_left(bucket: str, tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\nfrom pipelines.store import RunStore\n"
        f"RunStore(Path({bucket!r}) / 'tiny').write_text('report.html', 'page')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=dict(os.environ), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert names_in(f"{bucket}/tiny") == {".lock-00000001", "report.html"}


def test_two_who_create_the_lock_at_once_are_told_apart(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    def refused(real: Any, *given: Any, **named: Any) -> None:
        # What S3 answers to one of two at the same time; the server of the tests is no two.
        told = {"Error": {"Code": "ConditionalRequestConflict", "Message": "A conflicting ..."}}
        raise translate_boto_error(ClientError(told, "PutObject"))

    changed(monkeypatch, f"{bucket}/tiny", "pipe_file", refused)
    with pytest.raises(BusyError, match=f"Another run is writing to {bucket}/tiny"):
        lease_at(f"{bucket}/tiny")


def test_a_holder_renews_its_lock(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{bucket}/tiny"
    lease, mirror = lease_at(address), Mirror(address)
    monkeypatch.setattr(leases.time, "time", lambda: clock() + ALIVE - 1)
    lease.renew()
    told = json.loads(mirror.files.cat_file(f"{mirror._base}/.lock-00000001"))
    assert told["renewed"] > clock() + ALIVE - 10 and told["free"] is False


# Addresses


@pytest.mark.parametrize("path", ["runs", "/tmp/runs", "C:/runs", "s3", "s3/runs"])
def test_a_folder_is_no_address(path: str) -> None:
    assert address_of(Path(path)) is None


def test_a_storage_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="s3://bucket/runs/digits cannot be read"):
        cross_validate("digits", models="shares", runs="s3://bucket/runs", engine="inline")
    forget()
