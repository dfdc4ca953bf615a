"""The official client against a server of the tests: downloads, errors, uploads, scores."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from comps.base import UsageError
from submissions.kaggle import (
    DeniedError,
    Kaggle,
    KaggleError,
    LostError,
    UnknownError,
    calls,
    client,
    connect,
)
from submissions.kaggle.downloads import Remote
from tests.kaggle_server import (
    KEY,
    STORE,
    TOKEN,
    USER,
    Entered,
    Fault,
    Server,
    home_with_key,
    serving,
)
from tests.support import ROOT

NAME = "space-titanic"


def archive(size: int = 300_000) -> bytes:
    """Return a zip of one file that cannot be made smaller."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("train.csv", os.urandom(size))
    return content.getvalue()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with one competition; this process' client asks it, with a key of its own."""
    with serving() as running:
        running.competitions[NAME] = Entered(archive=archive())
        own = home_with_key(tmp_path / "home")
        for name, value in (running.environment | own).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
        from kaggle.api.kaggle_api_extended import KaggleApi

        # These are read when the client is imported.
        monkeypatch.setattr(KaggleApi, "args", ["--local"])
        monkeypatch.setattr(KaggleApi, "config_dir", own["HOME"])
        monkeypatch.setattr(KaggleApi, "config", str(tmp_path / "home" / "kaggle.json"))
        quick = SimpleNamespace(time=time.time, mktime=time.mktime, sleep=lambda seconds: None)
        monkeypatch.setattr(sys.modules[KaggleApi.__module__], "time", quick)
        yield running


@pytest.fixture
def kaggle(server: Server) -> Kaggle:
    return connect()


def test_an_archive_lands_as_it_came_and_is_not_downloaded_twice(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "mine"
    first = kaggle.download(NAME, folder)
    assert first.new and first.path == folder / f"{NAME}.zip"
    assert first.path.read_bytes() == server.competitions[NAME].archive
    assert [path.name for path in folder.iterdir()] == [f"{NAME}.zip"]
    second = kaggle.download(NAME, folder)
    assert (second.new, second.bytes) == (False, first.bytes)
    # Kaggle changed the data.
    server.competitions[NAME].archive = archive(310_000)
    third = kaggle.download(NAME, folder)
    assert third.new and third.replaced
    assert third.path.read_bytes() == server.competitions[NAME].archive


def test_the_key_goes_to_kaggle_and_to_no_store(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    kaggle.download(NAME, tmp_path / "data" / "mine")
    to_store = [headers for host, headers in server.headers if host == STORE]
    assert to_store and all("Authorization" not in headers for headers in to_store)


def test_a_download_that_breaks_goes_on_where_it_was(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    server.faults["Store"] = [Fault("cut", after=200_000)]
    found = kaggle.download(NAME, tmp_path / "data" / "mine")
    assert found.path.read_bytes() == server.competitions[NAME].archive
    assert server.ranges == ["", f"bytes={3 * client.PIECE}-"]


def test_a_download_that_was_given_up_goes_on_in_the_next_call(
    server: Server, kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "mine"
    monkeypatch.setattr(client, "ATTEMPTS", 1)
    server.faults["Store"] = [Fault("cut", after=200_000), Fault("cut", after=80_000)]
    with pytest.raises(KaggleError, match="broke.*What came is kept.*goes on from there"):
        kaggle.download(NAME, folder)
    # Half a file is nowhere that data are read from.
    assert not folder.exists()
    found = kaggle.download(NAME, folder)
    assert found.path.read_bytes() == server.competitions[NAME].archive
    assert server.ranges[-1] == f"bytes={4 * client.PIECE}-"


def test_parts_of_another_version_are_not_used(
    server: Server, kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "ATTEMPTS", 0)
    server.faults["Store"] = [Fault("cut", after=200_000)]
    with pytest.raises(KaggleError):
        kaggle.download(NAME, tmp_path / "data" / "mine")
    server.competitions[NAME].archive = archive(320_000)
    found = kaggle.download(NAME, tmp_path / "data" / "mine")
    assert found.path.read_bytes() == server.competitions[NAME].archive


def test_what_came_whole_is_not_downloaded_again_after_a_kill(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "mine"
    first = kaggle.download(NAME, folder)
    # Killed before the note on the archive was written, or within.
    note = tmp_path / "data" / ".downloads" / f"{NAME}.zip.json"
    for content in (None, "", "{"):
        note.unlink() if content is None else note.write_text(content)
        assert not kaggle.download(NAME, folder).new
    # Killed before it was put in its place.
    first.path.rename(note.parent / first.path.name)
    server.faults["Store"] = [Fault("cut", after=0)]
    found = kaggle.download(NAME, folder)
    assert found.new and found.path.read_bytes() == server.competitions[NAME].archive
    assert set(server.ranges) == {""}


@pytest.mark.parametrize("fetched", [False, True])
def test_a_file_of_the_user_in_the_place_of_the_archive_is_left_alone(
    server: Server, kaggle: Kaggle, tmp_path: Path, fetched: bool
) -> None:
    folder = tmp_path / "data" / "mine"
    path = folder / f"{NAME}.zip"
    if fetched:
        kaggle.download(NAME, folder)
        server.competitions[NAME].archive = archive(310_000)
    folder.mkdir(parents=True, exist_ok=True)
    # As long as what came, or as long as what is there.
    own = bytes(path.stat().st_size if fetched else len(server.competitions[NAME].archive))
    path.write_bytes(own)
    with pytest.raises(UsageError, match=r"titanic\.zip is in the way.*Nothing was downloaded"):
        kaggle.download(NAME, folder)
    assert path.read_bytes() == own
    path.unlink()
    assert kaggle.download(NAME, folder).new


def test_what_was_fetched_to_several_folders_is_replaced_in_each(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    folders = [tmp_path / "data" / name for name in ("one", "other")]
    for folder in folders:
        kaggle.download(NAME, folder)
    server.competitions[NAME].archive = archive(310_000)
    assert [kaggle.download(NAME, folder).replaced for folder in folders] == [True, True]


def test_two_commands_do_not_write_one_part(server: Server, kaggle: Kaggle, tmp_path: Path) -> None:
    folder = tmp_path / "data" / ".downloads"
    folder.mkdir(parents=True)
    with (
        FileLock(folder / f"{NAME}.zip.lock"),
        pytest.raises(KaggleError, match=r"Another command downloads space-titanic\.zip"),
    ):
        kaggle.download(NAME, tmp_path / "data" / "mine")
    assert kaggle.download(NAME, tmp_path / "data" / "mine").new


def test_a_date_that_the_client_cannot_read_does_not_end_a_download(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    server.competitions[NAME].modified = "yesterday"
    found = kaggle.download(NAME, tmp_path / "data" / "mine")
    assert found.path.read_bytes() == server.competitions[NAME].archive


def test_a_proxy_that_is_wrong_in_between_costs_no_parts(
    server: Server, kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kaggle.api.kaggle_api_extended import KaggleApi

    def sleep(seconds: float) -> None:
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, "http://")

    clock = SimpleNamespace(time=time.time, mktime=time.mktime, sleep=sleep)
    monkeypatch.setattr(sys.modules[KaggleApi.__module__], "time", clock)
    server.faults["Store"] = [Fault("cut", after=200_000)]
    with pytest.raises(KaggleError, match="proxy does not let.*What came is kept"):
        kaggle.download(NAME, tmp_path / "data" / "mine")
    part = tmp_path / "data" / ".downloads" / f"{NAME}.zip"
    assert part.stat().st_size == 3 * client.PIECE


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://host/data/titanic.zip?a=b.c", "titanic.zip"),
        ("https://host/data/all.7z", "titanic.7z"),
        ("https://host/v1/DownloadDataFiles", "titanic.zip"),
    ],
)
def test_an_archive_is_called_after_the_competition(address: str, name: str) -> None:
    assert Remote.of("titanic", address, {}).name == name


@pytest.mark.parametrize("place", [100, -22])
def test_a_damaged_archive_is_refused_and_downloaded_anew(
    server: Server, kaggle: Kaggle, tmp_path: Path, place: int
) -> None:
    folder, whole = tmp_path / "data" / "mine", server.competitions[NAME].archive
    damaged = bytearray(whole)
    damaged[place] ^= 255
    # No checksum is named: what the zip itself says has to be enough.
    server.competitions[NAME] = Entered(archive=bytes(damaged), etag=False)
    with pytest.raises(KaggleError, match="damaged: .*downloads it anew"):
        kaggle.download(NAME, folder)
    assert not folder.exists()
    server.competitions[NAME].archive = whole
    assert kaggle.download(NAME, folder).path.read_bytes() == whole


def test_a_page_in_place_of_an_archive_is_no_archive(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    for asked in ("Store", "DownloadDataFiles"):
        server.faults[asked] = [Fault("page")]
        with pytest.raises(KaggleError, match="not Kaggle: a proxy, or the login page"):
            kaggle.download(NAME, tmp_path / "data" / "mine")
    assert not list(tmp_path.glob("data/**/*"))


def test_an_archive_that_has_no_room_is_not_begun(
    server: Server, kaggle: Kaggle, small_disk: Path
) -> None:
    server.competitions[NAME].archive = archive(400_000)
    with pytest.raises(KaggleError, match="needs 400.1 kB.*COMPS_DATA"):
        kaggle.download(NAME, small_disk / "mine")
    assert {path.suffix for path in (small_disk / ".downloads").iterdir()} <= {".lock"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=401, message="Unauthorized access"), "does not accept the key.*settings/api"),
        (
            Fault(status=403, message="You must accept this competition's rules."),
            r"You must accept this competition's rules\. .*competitions/space-titanic/rules",
        ),
        (Fault(status=429, headers={"Retry-After": "30"}), "too often.*in 30 seconds"),
        (Fault(status=429), "too often.*in some minutes"),
        (Fault(status=503), r"trouble \(503\)"),
        (Fault(status=400, message="Bad things"), r"refuses \(400\): Bad things\."),
        # Errors that come with the number of a success.
        (Fault("page"), "not Kaggle: a proxy, or the login page"),
        (Fault("cut"), "or broke it"),
    ],
)
def test_an_error_says_what_to_do(server: Server, kaggle: Kaggle, fault: Fault, said: str) -> None:
    server.faults["ListSubmissions"] = [fault]
    with pytest.raises(KaggleError, match=said) as error:
        kaggle.submissions(NAME)
    assert error.value.exit_code == 1
    assert KEY not in str(error.value)


def test_a_wrong_key_of_the_environment_is_said_to_be_one(
    server: Server, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key in a file would not be looked at."""
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_0000")
    server.faults["ListSubmissions"] = [Fault(status=401)]
    with pytest.raises(KaggleError, match=r"is that of \$KAGGLE_API_TOKEN: unset it") as error:
        kaggle.submissions(NAME)
    assert "KGAT" not in str(error.value)


def test_a_key_in_a_file_that_is_not_accepted_is_named(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    """What 'kaggle auth login' leaves is not looked at beside it."""
    server.faults["ListSubmissions"] = [Fault(status=401)]
    file = tmp_path / "home" / "kaggle.json"
    with pytest.raises(KaggleError, match=f"is that of {file}: delete that file"):
        kaggle.submissions(NAME)


def test_a_token_in_a_file_goes_before_a_key_of_the_environment(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLE_USERNAME", USER)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    file = token_file(tmp_path, "KGAT_old")
    with pytest.raises(KaggleError, match=f"is that of {file}: delete that file"):
        connect().submissions(NAME)
    file.write_text("")
    server.faults["ListSubmissions"] = [Fault(status=401)]
    with pytest.raises(KaggleError, match=r"is that of \$KAGGLE_KEY: unset it"):
        connect().submissions(NAME)


def test_a_token_of_the_environment_goes_before_one_in_a_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "kaggle.json").unlink()
    file = token_file(tmp_path, TOKEN)
    assert connect().submissions(NAME) == []
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_old")
    with pytest.raises(KaggleError, match=r"That of \$KAGGLE_API_TOKEN.*unset it") as error:
        connect()
    assert str(file) not in str(error.value)


def token_file(folder: Path, token: str) -> Path:
    """Write a token where the client looks for it."""
    file = folder / "home" / ".kaggle" / "access_token"
    file.parent.mkdir()
    file.write_text(token)
    file.chmod(0o600)
    return file


def test_rules_that_were_not_accepted_are_named_with_their_address(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    server.competitions[NAME].accepted = False
    with pytest.raises(KaggleError, match=r"www\.kaggle\.com/competitions/space-titanic/rules"):
        kaggle.download(NAME, tmp_path / "data" / "mine")


def test_an_unknown_competition_is_told_with_close_names(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    server.competitions["space-cats"] = Entered()
    with pytest.raises(UnknownError, match="'space-titanik'.*Did you mean 'space-titanic'"):
        kaggle.download("space-titanik", tmp_path / "data" / "mine")


def test_an_answer_that_does_not_come_is_given_up(
    server: Server, kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "PATIENCE", 0.2)
    server.faults["ListSubmissions"] = [Fault("slow")]
    with pytest.raises(LostError, match="does not answer in time"):
        kaggle.submissions(NAME)


def test_without_a_network_the_sentence_says_so(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr("kagglesdk.kaggle_env._env_to_endpoint", _Nowhere())
    with pytest.raises(LostError, match="no connection to it"):
        kaggle.submissions(NAME)


class _Nowhere(dict[object, str]):
    """Sends all environments of the client to a port where nobody listens."""

    def __missing__(self, key: object) -> str:
        return "http://127.0.0.1:9"


def test_a_proxy_that_is_not_there_is_named(
    kaggle: Kaggle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9")
    with pytest.raises(KaggleError, match="proxy does not let.*http_proxy") as error:
        kaggle.submissions(NAME)
    assert "secret" not in str(error.value)


def test_without_a_key_it_is_said_where_to_get_one(server: Server, tmp_path: Path) -> None:
    (tmp_path / "home" / "kaggle.json").unlink()
    with pytest.raises(KaggleError, match="no key for Kaggle.*settings/api"):
        connect()


def test_a_token_is_used_and_one_that_expired_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home" / "kaggle.json").unlink()
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    assert connect().submissions(NAME) == []
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_old")
    with pytest.raises(KaggleError, match=r"accepts no key .*KAGGLE_API_TOKEN.*expired") as error:
        connect()
    assert "KGAT_old" not in str(error.value)


def test_a_key_that_others_can_read_is_warned_of(server: Server, tmp_path: Path) -> None:
    assert connect().warnings == ()
    file = tmp_path / "home" / "kaggle.json"
    file.chmod(0o644)
    (warning,) = connect().warnings
    assert f"chmod 600 {file}" in warning and KEY not in warning


def test_nothing_is_printed_even_where_the_client_is_verbose(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    from kaggle.api.kaggle_api_extended import KaggleApi

    # It would print all headers, the key among them.
    monkeypatch.setattr(KaggleApi, "args", ["--local", "--verbose"])
    found = connect()
    found.submissions(NAME)
    found.download(NAME, tmp_path / "data" / "mine")
    assert capfd.readouterr() == ("", "")


def test_variables_that_make_the_client_log_have_nothing_logged(
    server: Server, tmp_path: Path
) -> None:
    """Addresses of downloads would be among it, with which anybody can download."""
    program = f"""
import os
from pathlib import Path
from submissions.kaggle import connect
connect().download({NAME!r}, Path({str(tmp_path / "data" / "mine")!r}))
assert os.environ["VERBOSE"] == os.environ["VERBOSE_OUTPUT"] == "1"
"""
    env = {**os.environ, "VERBOSE": "1", "VERBOSE_OUTPUT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "data" / "mine" / f"{NAME}.zip").exists()


def test_a_file_is_submitted_and_its_score_awaited(
    server: Server, kaggle: Kaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n1,0.5\n")
    server.competitions[NAME].pending = 2
    sent = kaggle.submit(NAME, file, "blend of 7")
    assert list(server.uploads.values()) == [file.read_bytes()]
    server.faults["GetSubmission"] = [Fault(status=404, message="Not found"), Fault(status=503)]
    monkeypatch.setattr(client, "FIRST_WAIT", 0.01)
    waits: list[float] = []
    found = kaggle.wait(NAME, sent.ref, 600, waits.append)
    assert (found.status, found.public_score, found.message) == ("complete", 0.5, "blend of 7")
    assert len(waits) == 4
    # Competitions of other names are of no use here.
    assert "ListCompetitions" not in server.calls
    assert kaggle.submission(NAME, sent.ref) == found


def test_a_wait_ends_when_its_time_is_over(server: Server, kaggle: Kaggle, tmp_path: Path) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n1,0.5\n")
    server.competitions[NAME].pending = 99
    assert kaggle.wait(NAME, kaggle.submit(NAME, file, "x").ref, 0).status == "pending"


@pytest.mark.parametrize("status", [401, 403])
def test_a_wait_ends_where_asking_again_is_of_no_use(
    server: Server, kaggle: Kaggle, status: int
) -> None:
    server.faults["GetSubmission"] = [Fault(status=status)]
    with pytest.raises(DeniedError, match=str(status)):
        kaggle.wait(NAME, 1000, 600, told=lambda waited: pytest.fail("it waits"))


def test_a_submission_that_cannot_be_scored_says_why(
    server: Server, kaggle: Kaggle, tmp_path: Path
) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n")
    server.competitions[NAME].score = lambda content: None
    found = kaggle.wait(NAME, kaggle.submit(NAME, file, "x").ref, 0)
    assert (found.status, found.public_score) == ("error", None)
    assert found.reason == "Ids of the rows are missing."


def test_limits_are_told(server: Server, kaggle: Kaggle) -> None:
    server.competitions[NAME] = Entered(left=3, notebooks_only=True, deadline="2026-01-31T23:59:00")
    limits = kaggle.limits(NAME)
    assert (limits.left, limits.today, limits.notebooks_only) == (3, 0, True)
    assert limits.deadline is not None and limits.deadline.year == 2026


@pytest.mark.parametrize(
    ("method", "fault", "kind", "said"),
    [
        ("StartSubmissionUpload", Fault(status=413, message="Too big"), KaggleError, "too large"),
        ("Put", Fault(status=403), KaggleError, "upload of the file broke or was refused"),
        ("CreateSubmission", Fault(status=400, message="Daily limit."), KaggleError, "Daily limit"),
        # Nothing was handed over yet.
        ("StartSubmissionUpload", Fault(status=502), KaggleError, r"trouble \(502\)"),
        ("StartSubmissionUpload", Fault("cut"), KaggleError, "or broke it"),
        # It may have been taken, or not.
        ("CreateSubmission", Fault("cut"), LostError, "or broke it"),
    ],
)
def test_an_upload_that_fails_says_what_is_known(
    server: Server,
    kaggle: Kaggle,
    tmp_path: Path,
    method: str,
    fault: Fault,
    kind: type[Exception],
    said: str,
) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n1,0.5\n")
    server.faults[method] = [fault]
    with pytest.raises(KaggleError, match=said) as error:
        kaggle.submit(NAME, file, "x")
    assert type(error.value) is kind
    assert server.submissions == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault("cut", late=True), "or broke it"),
        (Fault(status=500, late=True), r"trouble \(500\)"),
        (Fault(status=502, late=True), r"trouble \(502\)"),
        # Answers that nobody can read.
        (Fault("page", late=True), "What answered is not Kaggle"),
        (Fault("answer", message="5", late=True), "client for Kaggle failed"),
        (Fault("answer", message='{"message": "Fine."}', late=True), "no number.*Fine"),
        # The number of a success, and the content of an error.
        (Fault("answer", message='{"code": 503, "message": "Busy"}', late=True), "trouble"),
    ],
)
def test_what_is_not_answered_well_may_have_been_taken(
    server: Server, kaggle: Kaggle, tmp_path: Path, fault: Fault, said: str
) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n1,0.5\n")
    server.faults["CreateSubmission"] = [fault]
    with pytest.raises(LostError, match=said):
        kaggle.submit(NAME, file, "x")
    assert len(server.submissions) == 1


def test_all_pages_of_submissions_are_read(server: Server, kaggle: Kaggle) -> None:
    server.submissions += [
        {"ref": number, "status": "COMPLETE", "publicScore": "0.5", "date": "2026-11-28T10:00:00Z"}
        for number in range(250)
    ]
    assert [one.ref for one in kaggle.submissions(NAME)] == list(range(250))[::-1]
