"""A stand-in for Kaggle's servers on loopback, for the real client.

It is an HTTP proxy: with `KAGGLE_API_ENVIRONMENT=LOCALHOST`, the client's own switch, all that it
asks goes to `http://localhost`, and `http_proxy` brings that here. The forms of requests and
answers are those that the client's source reads and writes (kaggle 2.2, kagglesdk 0.1): a POST of
JSON to `/api/v1/SERVICE/METHOD`, errors as `{"code", "message"}`, archives and uploads at a store
of another host, with ranges, ETags and checksums.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

USER, KEY, TOKEN = "ada", "0123456789abcdef0123456789abcdef", "KGAT_fedcba9876543210"
STORE = "storage.localhost"
# Answers are given before a pause of this is over, or not at all.
SLOW = 3.0
# Bytes that a slow download sends at a time.
_PIECE = 1 << 16

JSON = dict[str, Any]


@dataclass
class Entered:
    """A competition as the server knows it.

    Attributes:
        archive: content of its zip.
        accepted: whether its rules were accepted.
        notebooks_only: whether it takes no files.
        disabled: whether it takes nothing.
        deadline: as the server writes it.
        left: submissions that it takes today.
        score: from the content of a file to the public score; None if it cannot be scored.
        pending: how often a submission is asked for before it is scored.
        largest: bytes of a file that it takes.
        modified: of the archive.
        etag: whether the store names a version.
        seconds: that a download of the whole archive takes at least.
        by_total: whether submissions are limited in all, not a day.
    """

    archive: bytes = b""
    accepted: bool = True
    notebooks_only: bool = False
    disabled: bool = False
    deadline: str = "2099-12-31T23:59:00Z"
    left: int = 5
    score: Callable[[bytes], float | None] = lambda content: 0.5
    pending: int = 0
    largest: int = 1 << 30
    modified: str = "Fri, 02 Jan 2026 10:00:00 GMT"
    etag: bool = True
    seconds: float = 0.0
    by_total: bool = False


@dataclass
class Fault:
    """What goes wrong with the next call of a method.

    Attributes:
        kind: "status", "slow", "cut", "page" or "answer".
        status: of an error.
        message: of an error; the content of an answer.
        headers: of an error.
        after: bytes of content before the connection is cut.
        late: whether the server does its work before that.
    """

    kind: str = "status"
    status: int = 500
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0
    late: bool = False


class Server(ThreadingHTTPServer):
    """Kaggle, as far as the workbench asks it.

    Attributes:
        competitions: by name.
        faults: of coming calls, by method; "Store" of the store's downloads, "Put" of its uploads.
        calls: the methods that were called, in order.
        headers: of all requests, by host.
        ranges: of downloads.
        submissions: that were made, the oldest first.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.competitions: dict[str, Entered] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.calls: list[str] = []
        self.headers: list[tuple[str, dict[str, str]]] = []
        self.ranges: list[str] = []
        self.uploads: dict[str, bytes] = {}
        self.submissions: list[JSON] = []
        self.polls: dict[int, int] = defaultdict(int)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Pass over a client that hung up: it asked for the headers alone."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def environment(self) -> dict[str, str]:
        """What the client has to be told to come here."""
        address = f"http://127.0.0.1:{self.server_address[1]}"
        return {
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            **dict.fromkeys(("http_proxy", "HTTP_PROXY"), address),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
        }


@contextmanager
def serving() -> Iterator[Server]:
    """Give a server that answers, and end it."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def home_with_key(folder: Path) -> dict[str, str]:
    """Write the file of a key as Kaggle gives it, and return the environment that names it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "kaggle.json"
    file.write_text(json.dumps({"username": USER, "key": KEY}))
    file.chmod(0o600)
    return {"KAGGLE_CONFIG_DIR": str(folder), "HOME": str(folder)}


class RefusalError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


def _own(method: str) -> str:
    """Return the function for a method of the service, such as `_get_submission`."""
    return re.sub("([A-Z])", r"_\1", method).lower()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        place = urlsplit(self.path)
        self._note(place.netloc)
        content = json.loads(self._body() or b"{}")
        method = place.path.rsplit("/", 1)[-1]
        self.server.calls.append(method)
        if place.netloc != "localhost" or not place.path.startswith("/api/v1/"):
            self._json(404, {"code": 404, "message": "Not Found"})
            return
        fault = self._next(method)
        if fault is not None and not fault.late:
            self._go_wrong(fault)
            return
        try:
            if method != "IntrospectToken":
                self._check_key()
            answer = getattr(self, _own(method))(content)
        except RefusalError as refusal:
            self._json(refusal.status, {"code": refusal.status, "message": refusal.message})
            return
        if fault is not None:
            self._go_wrong(fault)
        elif answer is not None:
            self._json(200, answer)

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        self._note(place.netloc)
        if place.netloc != STORE:
            self._json(404, {"code": 404, "message": "Not Found"})
            return
        self.server.calls.append("Store")
        name = place.path.rsplit("/", 1)[-1].removesuffix(".zip")
        if "GoogleAccessId" not in parse_qs(place.query):
            self._json(403, {"code": 403, "message": "Access denied."})
            return
        fault = self._next("Store")
        if fault is not None and fault.kind != "cut":
            self._go_wrong(fault)
            return
        self._send_archive(self.server.competitions[name], fault)

    def do_PUT(self) -> None:
        place = urlsplit(self.path)
        self._note(place.netloc)
        self.server.calls.append("Put")
        content = self._body()
        if self._fails("Put"):
            return
        self.server.uploads[place.path.rsplit("/", 1)[-1]] = content
        self._json(200, {})

    # The service

    def _introspect_token(self, asked: JSON) -> JSON:
        known = asked.get("token") == TOKEN
        return {"active": known, "username": USER} if known else {}

    def _list_competitions(self, asked: JSON) -> JSON:
        words = asked.get("search", "").split()
        names = [n for n in self.server.competitions if any(word in n for word in words)]
        site = "https://www.kaggle.com/competitions"
        return {"competitions": [{"ref": f"{site}/{name}", "id": 1} for name in names]}

    def _get_competition(self, asked: JSON) -> JSON:
        entered = self._entered(asked)
        return {
            "id": 1,
            "ref": f"https://www.kaggle.com/competitions/{asked['competitionName']}",
            "deadline": entered.deadline,
            "isKernelsSubmissionsOnly": entered.notebooks_only,
            "submissionsDisabled": entered.disabled,
            "evaluationMetric": "Root Mean Squared Error",
        }

    def _get_submission_limits(self, asked: JSON) -> JSON:
        made = len(self.server.submissions)
        left = self._entered(asked).left
        # As protocol buffers write JSON: what is zero is left out.
        counts = {"numToday": made, "numTotal": made, "numAllowedNow": left}
        found: JSON = {name: count for name, count in counts.items() if count}
        return found | ({"limitedByTotal": True} if self._entered(asked).by_total else {})

    def _download_data_files(self, asked: JSON) -> None:
        entered = self._entered(asked)
        if not entered.accepted:
            message = (
                "You must accept this competition's rules before you'll be able to download files."
            )
            raise RefusalError(403, message)
        name = asked["competitionName"]
        self.send_response(302)
        self.send_header("Location", f"http://{STORE}/data/{name}.zip?GoogleAccessId=web&Expires=9")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _start_submission_upload(self, asked: JSON) -> JSON:
        entered = self._entered(asked)
        if not entered.accepted:
            raise RefusalError(
                403, "You must accept this competition's rules before you can submit."
            )
        if asked["contentLength"] > entered.largest:
            raise RefusalError(413, "The submission exceeds the maximum size")
        token = f"token{len(self.server.uploads)}"
        return {"token": token, "createUrl": f"http://{STORE}/upload/{token}"}

    def _create_submission(self, asked: JSON) -> JSON:
        entered = self._entered(asked)
        if asked.get("blobFileTokens") not in self.server.uploads:
            raise RefusalError(400, "The file was not uploaded.")
        if entered.left < 1:
            raise RefusalError(400, "You have reached the maximum number of submissions per day.")
        entered.left -= 1
        content = self.server.uploads[asked["blobFileTokens"]]
        score = entered.score(content)
        number = 1000 + len(self.server.submissions)
        self.server.submissions.append(
            {
                "ref": number,
                "date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.123Z",
                "description": asked.get("submissionDescription", ""),
                "fileName": "submission.csv",
                "totalBytes": len(content),
                "status": "ERROR" if score is None else "COMPLETE",
                "publicScore": "" if score is None else f"{score:.5f}",
                "errorDescription": "" if score is not None else "Ids of the rows are missing.",
            }
        )
        return {"message": "Successfully submitted to the competition", "ref": number}

    def _get_submission(self, asked: JSON) -> JSON:
        number = asked["ref"]
        found = next((one for one in self.server.submissions if one["ref"] == number), None)
        if found is None:
            raise RefusalError(404, "Not found")
        self.server.polls[number] += 1
        waiting = max(entered.pending for entered in self.server.competitions.values())
        return self._seen(found, pending=self.server.polls[number] <= waiting)

    def _list_submissions(self, asked: JSON) -> JSON:
        self._entered(asked)
        newest = self.server.submissions[::-1]
        size, start = asked["pageSize"], int(asked.get("pageToken") or 0)
        more = str(start + size) if start + size < len(newest) else ""
        page = [self._seen(one, pending=False) for one in newest[start : start + size]]
        return {"submissions": page, "nextPageToken": more}

    def _seen(self, submission: JSON, *, pending: bool) -> JSON:
        hidden = {"status": "PENDING", "publicScore": "", "errorDescription": ""} if pending else {}
        return {name: value for name, value in {**submission, **hidden}.items() if value}

    def _entered(self, asked: JSON) -> Entered:
        name = asked.get("competitionName")
        if name not in self.server.competitions:
            raise RefusalError(404, "Competition not found")
        return self.server.competitions[name]

    def _check_key(self) -> None:
        given = self.headers.get("Authorization", "")
        basic = base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        if given not in (f"Basic {basic}", f"Bearer {TOKEN}"):
            raise RefusalError(401, "Unauthorized access")

    # The store

    def _send_archive(self, entered: Entered, fault: Fault | None) -> None:
        content = entered.archive
        digest = hashlib.md5(content).digest()
        etag = f'"{digest.hex()}"'
        asked = self.headers.get("Range", "")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        if self.headers.get("If-Range", etag) != etag:
            start = 0
        if start and start >= len(content):
            self._json(416, {})
            return
        self.send_response(206 if start else 200)
        headers = {
            "Content-Type": "application/zip",
            "Content-Length": str(len(content) - start),
            "Accept-Ranges": "bytes",
            "Last-Modified": entered.modified,
            "ETag": etag,
            "X-Goog-Hash": f"crc32c=AAAAAA==,md5={base64.b64encode(digest).decode()}",
        }
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        for name, value in headers.items():
            if entered.etag or name not in ("ETag", "X-Goog-Hash", "Last-Modified"):
                self.send_header(name, value)
        self.end_headers()
        rest = content[start:]
        if fault is None:
            self._write_slowly(rest, entered.seconds / max(1, len(content)))
        else:
            self.wfile.write(rest[: fault.after])
            self._hang_up()

    def _write_slowly(self, content: bytes, seconds_a_byte: float) -> None:
        if not seconds_a_byte:
            self.wfile.write(content)
            return
        for start in range(0, len(content), _PIECE):
            time.sleep(_PIECE * seconds_a_byte)
            try:
                self.wfile.write(content[start : start + _PIECE])
            except OSError:
                # Whoever asked was killed.
                self.close_connection = True
                return

    # Requests and answers

    def _note(self, host: str) -> None:
        self.server.headers.append((host, dict(self.headers)))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _next(self, method: str) -> Fault | None:
        waiting = self.server.faults[method]
        return waiting.pop(0) if waiting else None

    def _fails(self, method: str) -> bool:
        fault = self._next(method)
        if fault is not None:
            self._go_wrong(fault)
        return fault is not None

    def _go_wrong(self, fault: Fault) -> None:
        if fault.kind == "slow":
            time.sleep(SLOW)
        if fault.kind in ("slow", "cut"):
            self._hang_up()
        elif fault.kind == "page":
            self._send(200, b"<html>Please log in to this network.</html>", "text/html", {})
        elif fault.kind == "answer":
            self._json(200, json.loads(fault.message))
        else:
            error = {"code": fault.status, "message": fault.message}
            self._json(fault.status, error, fault.headers)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(2)

    def _json(self, status: int, answer: JSON, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(answer).encode()
        self._send(status, content, "application/json; charset=utf-8", headers or {})

    def _send(self, status: int, content: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
