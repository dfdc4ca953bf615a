"""`Kaggle`: the official client, quiet, patient for a while, and with errors that people read."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from comps.base import MissingPackageError, size_of
from submissions.kaggle import calls
from submissions.kaggle.calls import called
from submissions.kaggle.downloads import Archive, Place, Remote, drop_unreadable_date
from submissions.kaggle.errors import (
    NEW_KEY,
    SITE,
    STRANGE,
    DeniedError,
    KaggleError,
    LostError,
    UnknownError,
    lost,
)
from submissions.kaggle.keys import key_in_use, readable_by_others

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
        with closing(response):
            if (archive := place.there) is not None:
                return archive
            place.check_own()
            with place.locked():
                # Another command may have brought it since.
                if (archive := place.there) is not None:
                    return archive
                if not place.came:
                    place.check_room()
                    self._fetch(competition, response, client.http_client(), place.part, bar)
                return place.land()

    def _fetch(self, competition: str, response: Any, client: Any, part: Path, bar: bool) -> None:
        """Let the client write what an answer holds, or the rest of it."""
        from requests.exceptions import HTTPError, RequestException

        drop_unreadable_date(response.headers)
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
            # More or fewer bytes came than was said, which is checked by whoever called. Errors of
            # requests may be ValueErrors, too.
            except ValueError as error:
                if isinstance(error, RequestException) or not part.is_file():
                    raise

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

        The steps are those of the client's own `competition_submit`, which does not say at which
        of them it broke: before the last one, nothing is submitted.

        Raises:
            LostError: if the last step was not answered as it should be: Kaggle may have taken the
                file, or not.
            KaggleError: if it was refused; nothing was submitted.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiCreateSubmissionRequest

        request = ApiCreateSubmissionRequest()
        request.competition_name = competition
        request.submission_description = message
        try:
            request.blob_file_tokens = self._upload(competition, file)
        except LostError as error:
            # No submission was asked for yet.
            raise KaggleError(str(error)) from error
        with self._asking(competition), self._api.build_kaggle_client() as client:
            service = client.competitions.competition_api_client
            try:
                answer = service.create_submission(request)
            # Whatever it is: the request may have come to Kaggle.
            except Exception as error:
                raise lost(error, competition) from error
        if not answer.ref:
            raise LostError(f"Kaggle named no number of the submission: {answer.message!r}.")
        return Sent(answer.ref, answer.message)

    def _upload(self, competition: str, file: Path) -> str:
        """Bring the content of a file to Kaggle, and return the token that names it.

        Raises:
            KaggleError: if it does not come there.
        """
        from kaggle.models.kaggle_models_extended import ResumableUploadResult
        from kagglesdk.competitions.types.competition_api_service import (
            ApiStartSubmissionUploadRequest,
        )

        about, request = file.stat(), ApiStartSubmissionUploadRequest()
        request.competition_name, request.file_name = competition, file.name
        request.content_length = about.st_size
        request.last_modified_epoch_seconds = int(about.st_mtime)
        with self._asking(competition), self._api.build_kaggle_client() as client:
            service = client.competitions.competition_api_client
            begun = service.start_submission_upload(request)
            ended = self._api.upload_complete(str(file), begun.create_url, True)
        if ended != ResumableUploadResult.COMPLETE:
            raise KaggleError(
                "The upload of the file broke or was refused. Run the same "
                f"command again. The file has {size_of(about.st_size)}."
            )
        return str(begun.token)

    def submission(self, competition: str, ref: int) -> Submitted:
        """Return a submission by its number.

        Raises:
            KaggleError: if Kaggle does not say.
        """
        from kagglesdk.competitions.types.competition_api_service import ApiGetSubmissionRequest

        request = ApiGetSubmissionRequest()
        request.ref = ref
        try:
            # Not `_asking`: it would look for competitions of other names.
            with called(competition), self._api.build_kaggle_client() as client:
                found = client.competitions.competition_api_client.get_submission(request)
        except UnknownError as error:
            raise KaggleError(f"Kaggle knows no submission {ref} (404).") from error
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
            DeniedError: if the key is not accepted, or not for this.
            KaggleError: if Kaggle could not be asked even once at the end.
        """
        began, pause = time.monotonic(), FIRST_WAIT
        while True:
            trouble: KaggleError | None = None
            try:
                found = self.submission(competition, ref)
                if found.status != "pending":
                    return found
            except DeniedError:
                raise
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
        with _not_verbose():
            from kaggle.api.kaggle_api_extended import KaggleApi

        api = KaggleApi()
        try:
            api.authenticate()
        except SystemExit as end:
            raise KaggleError(_without_key()) from end
    return Kaggle(api, tuple(readable_by_others()))


@contextmanager
def _not_verbose() -> Iterator[None]:
    """Hide variables that make the client log everything while it is imported.

    It would have all libraries log to standard error from then on: addresses of downloads, too,
    with which anybody can download.
    """
    found = {name: os.environ.pop(name, None) for name in ("VERBOSE", "VERBOSE_OUTPUT")}
    try:
        yield
    finally:
        os.environ.update({name: value for name, value in found.items() if value is not None})


def _without_key() -> str:
    used = key_in_use()
    if used is None:
        return f"There is no key for Kaggle. {NEW_KEY} An account is free: {SITE}."
    return (
        f"Kaggle accepts no key that is kept here. That of {used.name}, which goes before others, "
        f"may have expired: {used.remedy}. {NEW_KEY}"
    )


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
