"""`Kaggle`: the official client, quiet, patient for a while, and with errors that people read."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from comps.base import MissingPackageError, size_of
from submissions.kaggle import calls
from submissions.kaggle.calls import called
from submissions.kaggle.downloads import Archive, Place, Remote
from submissions.kaggle.errors import NEW_KEY, SITE, STRANGE, KaggleError, UnknownError
from submissions.kaggle.keys import key_files, readable_by_others

# Further attempts of the client at a download that breaks: it waits 2, 4, 8, 16 seconds between.
ATTEMPTS = 4
# Bytes that are written at a time: of a download that breaks, as many are lost at most.
PIECE = 1 << 16
# Seconds between two looks at a submission, and how much longer each wait is.
FIRST_WAIT, LONGER, LONGEST_WAIT = 5.0, 1.5, 60.0


@dataclass(frozen=True)
class Limits:
    """How many submissions a competition takes from the team.

    Attributes:
        today: made since midnight UTC.
        left: that are still taken today.
        total: made so far.
        by_total: whether the competition's total is what limits them.
        deadline: of the competition, UTC; None where there is none.
        notebooks_only: whether it takes what notebooks make, and no files.
        disabled: whether it takes nothing.
    """

    today: int
    left: int
    total: int
    by_total: bool
    deadline: datetime | None
    notebooks_only: bool
    disabled: bool


@dataclass(frozen=True)
class Submitted:
    """A submission as Kaggle knows it.

    Attributes:
        ref: its number.
        when: UTC, ISO 8601; empty where it is not said.
        status: "pending", "complete" or "error".
        message: of whoever made it.
        file_name: as it was uploaded.
        bytes: of the file.
        public_score: on the public part of the test rows; None where there is none yet.
        private_score: on the other part; None until it is shown.
        reason: why it could not be scored.
    """

    ref: int
    when: str
    status: str
    message: str
    file_name: str
    bytes: int
    public_score: float | None
    private_score: float | None
    reason: str


@dataclass(frozen=True)
class Sent:
    """A file that Kaggle took: the submission's number, and what Kaggle says."""

    ref: int
    said: str


class Kaggle:
    """What is asked of Kaggle, by the official client.

    Args:
        api: the client, with a key.
        warnings: on files with keys.
    """

    def __init__(self, api: Any, warnings: tuple[str, ...] = ()) -> None:
        self._api, self.warnings = api, warnings

    def download(self, competition: str, folder: Path, *, bar: bool = False) -> Archive:
        """Download a competition's archive into a folder, unless it is there as Kaggle has it.

        What was downloaded before a connection broke is used: the same call goes on.

        Args:
            competition: as Kaggle calls it.
            folder: that the archive lands in.
            bar: whether the client shows a bar on standard error.

        Raises:
            KaggleError: if it cannot be had, or came damaged.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

        request = ApiDownloadDataFilesRequest()
        request.competition_name = competition
        with self._asking(competition), self._api.build_kaggle_client() as client:
            service = client.competitions.competition_api_client
            # The content waits until it is read.
            response = service.download_data_files(request)
        # A page in place of an archive has a name, a size and a number of success, too.
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.close()
            raise KaggleError(STRANGE)
        place = Place(folder, Remote.of(competition, response.url, response.headers))
        if (archive := place.there) is not None:
            response.close()
            return archive
        if place.came:
            response.close()
            return place.land()
        place.check_room()
        self._fetch(competition, response, client.http_client(), place.part, bar)
        return place.land()

    def _fetch(self, competition: str, response: Any, client: Any, part: Path, bar: bool) -> None:
        """Let the client write what an answer holds, or the rest of it."""
        from requests.exceptions import HTTPError

        kept = "What came is kept; the same command goes on from there."
        with self._asking(competition, kept):
            try:
                self._api.download_file(
                    response,
                    str(part),
                    client,
                    quiet=not bar,
                    resume=True,
                    chunk_size=PIECE,
                    max_retries=ATTEMPTS,
                    timeout=calls.PATIENCE,
                )
            except HTTPError as error:
                # The address of the content is good for a while; that of the call is another.
                raise KaggleError(f"The download of {competition} broke. {kept}") from error
            # More or fewer bytes came than was said, which is checked by whoever called.
            except ValueError:
                return

    def limits(self, competition: str) -> Limits:
        """Return how many submissions are left, and until when.

        Raises:
            KaggleError: if Kaggle does not say.
        """
        about = self._about(competition)
        with self._asking(competition):
            counts = self._api.competition_get_submission_limits(competition)
        return Limits(
            today=counts.num_today,
            left=counts.num_allowed_now,
            total=counts.num_total,
            by_total=counts.limited_by_total,
            deadline=about.deadline,
            notebooks_only=about.is_kernels_submissions_only,
            disabled=about.submissions_disabled,
        )

    def metric(self, competition: str) -> str:
        """Return what Kaggle calls the metric of a competition; empty where it names none.

        Raises:
            KaggleError: if Kaggle does not say.
        """
        return str(self._about(competition).evaluation_metric)

    def _about(self, competition: str) -> Any:
        from kagglesdk.competitions.types.competition_api_service import ApiGetCompetitionRequest

        request = ApiGetCompetitionRequest()
        request.competition_name = competition
        with self._asking(competition), self._api.build_kaggle_client() as client:
            return client.competitions.competition_api_client.get_competition(request)

    def submit(self, competition: str, file: Path, message: str) -> Sent:
        """Upload a file as a submission.

        Raises:
            LostError: if the connection broke: it may have been taken, or not.
            KaggleError: if it was refused; nothing was submitted.
        """
        with self._asking(competition):
            answer = self._api.competition_submit(str(file), message, competition, quiet=True)
        if not answer.ref and answer.message == self._api.COMPETITION_SUBMIT_UPLOAD_FAILED_MESSAGE:
            raise KaggleError(
                "The upload of the file broke or was refused. Run the same "
                f"command again. The file has {size_of(file.stat().st_size)}."
            )
        return Sent(answer.ref, answer.message)

    def submission(self, competition: str, ref: int) -> Submitted:
        """Return a submission by its number.

        Raises:
            KaggleError: if Kaggle does not say.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionRequest

        request = ApiGetSubmissionRequest()
        request.ref = ref
        with self._asking(competition), self._api.build_kaggle_client() as client:
            found = client.competitions.competition_api_client.get_submission(request)
        return _submitted(found)

    def submissions(self, competition: str) -> list[Submitted]:
        """Return all submissions of the team, the newest first.

        Raises:
            KaggleError: if Kaggle does not say.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiListSubmissionsRequest

        found: list[Submitted] = []
        request = ApiListSubmissionsRequest()
        request.competition_name, request.page_size = competition, 100
        with self._asking(competition), self._api.build_kaggle_client() as client:
            while True:
                page = client.competitions.competition_api_client.list_submissions(request)
                found += [_submitted(one) for one in page.submissions]
                if not page.next_page_token:
                    return found
                request.page_token = page.next_page_token

    def wait(
        self,
        competition: str,
        ref: int,
        seconds: float,
        told: Callable[[float], None] | None = None,
    ) -> Submitted:
        """Return a submission when it is scored, or when the time is over.

        A short trouble of the network, or of Kaggle, does not end the wait.

        Args:
            competition: as Kaggle calls it.
            ref: the submission's number.
            seconds: to wait at most.
            told: is called with the seconds so far before each further wait.

        Raises:
            KaggleError: if Kaggle could not be asked even once at the end.
        """
        began, pause = time.monotonic(), FIRST_WAIT
        while True:
            trouble: KaggleError | None = None
            try:
                found = self.submission(competition, ref)
                if found.status != "pending":
                    return found
            except KaggleError as error:
                trouble = error
            waited = time.monotonic() - began
            if waited + pause > seconds:
                if trouble is not None:
                    raise trouble
                return found
            if told is not None:
                told(waited)
            time.sleep(pause)
            pause = min(pause * LONGER, LONGEST_WAIT)

    def close_names(self, competition: str) -> list[str]:
        """Return competitions whose names are like one that is not there; none where Kaggle fails.

        Args:
            competition: the name that was looked for.
        """
        words = competition.replace("-", " ").replace("_", " ")
        known: dict[str, None] = {}
        for search in dict.fromkeys((words, words.split(" ")[0])):
            try:
                with self._asking(competition):
                    answer = self._api.competitions_list(search=search, page_size=50)
            except KaggleError:
                return []
            for one in answer.competitions if answer else ():
                known[one.ref.rstrip("/").rsplit("/", 1)[-1]] = None
        close = difflib.get_close_matches(competition, known, n=5, cutoff=0.4)
        return close or list(known)[:5]

    @contextmanager
    def _asking(self, competition: str, rest: str = "") -> Iterator[None]:
        """Give the client quiet and patience; its errors become `KaggleError`."""
        try:
            with called(competition, rest):
                yield
        except UnknownError as error:
            names = self.close_names(competition)
            close = f" Did you mean {' or '.join(map(repr, names))}?" if names else ""
            raise UnknownError(f"{error}{close}") from error


def connect() -> Kaggle:
    """Return the client, with the key that it finds where it keeps keys.

    Raises:
        MissingPackageError: if the client is not installed.
        KaggleError: if there is no key, or Kaggle does not accept it.
    """
    # Its libraries are not there either, which tell of errors.
    if find_spec("kaggle") is None:
        raise MissingPackageError("kaggle", "kaggle")
    with called(""):
        from kaggle.api.kaggle_api_extended import KaggleApi

        api = KaggleApi()
        folder = Path(api.config_dir)
        try:
            api.authenticate()
        except SystemExit as end:
            raise KaggleError(_without_key(folder)) from end
    return Kaggle(api, tuple(readable_by_others(folder)))


def _without_key(folder: Path) -> str:
    files = [str(path) for path in key_files(folder)]
    if os.environ.get("KAGGLE_API_TOKEN") or files:
        where = ", ".join(files) or "KAGGLE_API_TOKEN"
        return f"Kaggle accepts no key that is kept here ({where}); it may have expired. {NEW_KEY}"
    return f"There is no key for Kaggle. {NEW_KEY} An account is free: {SITE}."


def _submitted(found: Any) -> Submitted:
    return Submitted(
        ref=found.ref,
        when="" if found.date is None else found.date.isoformat(),
        status=found.status.name.lower(),
        message=found.description,
        file_name=found.file_name,
        bytes=found.total_bytes,
        public_score=_score(found.public_score),
        private_score=_score(found.private_score),
        reason=found.error_description.strip(),
    )


def _score(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
