"""The official client against a server of the tests: downloads, errors, uploads, scores."""

from __future__ import annotations

import io
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from submissions.kaggle import Kaggle, KaggleError, LostError, UnknownError, calls, client, connect
from tests.kaggle_server import KEY, STORE, TOKEN, Entered, Fault, Server, home_with_key, serving

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
    note = next((tmp_path / "data" / ".downloads").iterdir())
    for content in (None, "", "{"):
        note.unlink() if content is None else note.write_text(content)
        assert not kaggle.download(NAME, folder).new
    # Killed before it was put in its place.
    first.path.rename(note.parent / first.path.name)
    server.faults["Store"] = [Fault("cut", after=0)]
    found = kaggle.download(NAME, folder)
    assert found.new and found.path.read_bytes() == server.competitions[NAME].archive
    assert set(server.ranges) == {""}
    # What is as long and another file is downloaded.
    found.path.write_bytes(bytes(len(server.competitions[NAME].archive)))
    note.unlink()
    assert kaggle.download(NAME, folder).replaced


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
    assert not list((small_disk / ".downloads").iterdir())


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
    assert kaggle.submission(NAME, sent.ref) == found


def test_a_wait_ends_when_its_time_is_over(server: Server, kaggle: Kaggle, tmp_path: Path) -> None:
    file = tmp_path / "submission.csv"
    file.write_text("id,y\n1,0.5\n")
    server.competitions[NAME].pending = 99
    assert kaggle.wait(NAME, kaggle.submit(NAME, file, "x").ref, 0).status == "pending"


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


def test_all_pages_of_submissions_are_read(server: Server, kaggle: Kaggle) -> None:
    server.submissions += [
        {"ref": number, "status": "COMPLETE", "publicScore": "0.5", "date": "2026-11-28T10:00:00Z"}
        for number in range(250)
    ]
    assert [one.ref for one in kaggle.submissions(NAME)] == list(range(250))[::-1]
