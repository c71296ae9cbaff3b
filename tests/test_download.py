"""URLs → a verified file, against a real server on the loopback interface."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import random
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from servers import Reply, Seen, Server, file, redirect

from torchvectors.catalog import Digest
from torchvectors.download import (
    Policy,
    Receipt,
    digest_of,
    fetch,
    matches,
    mirrored,
    offline,
    receipt_of,
    shown,
)
from torchvectors.download.addresses import hop, hop_refused
from torchvectors.download.answers import Do, Held, Origin, judge, range_headers
from torchvectors.download.disguise import objection
from torchvectors.errors import (
    CacheError,
    DigestError,
    DownloadError,
    NotFoundError,
    OfflineError,
    TorchVectorsError,
)
from torchvectors.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

HASTY = Policy(connect_timeout=5, read_timeout=0.3, backoff=0)
BODY = random.Random(0).randbytes(300_000)
SHA256 = Digest(algorithm="sha256", value=hashlib.sha256(BODY).hexdigest())
OTHER = Digest(algorithm="sha256", value=hashlib.sha256(b"other").hexdigest())
HTML = b"\r\n<!DOCTYPE html><html><head><title>Virus scan warning</title></head></html>"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NETRC", "/dev/null")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "TORCHVECTORS_OFFLINE", "TORCHVECTORS_MIRROR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "vectors.zip"


def refused_port() -> str:
    """Return a URL at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return f"http://127.0.0.1:{port}/vectors.zip"


def beside(target: Path) -> set[str]:
    """Return what lies in the target's folder, without the target's own name."""
    return {path.name.removeprefix(target.name) for path in target.parent.iterdir()}


# What comes, and what it must be


def test_a_file_comes_whole_verified_and_with_its_receipt(server: Server, target: Path) -> None:
    url = server.on("/vectors.zip", file(BODY))
    seen: list[tuple[int, int | None]] = []
    receipt = fetch(
        [url],
        target,
        digests=[SHA256],
        nbytes=len(BODY),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert target.read_bytes() == BODY
    assert receipt == Receipt(url=url, nbytes=len(BODY), sha256=SHA256.value, verified=True, etag='"1"')
    assert receipt_of(target) == receipt
    assert beside(target) == {"", ".receipt.json"}
    assert seen[-1] == (len(BODY), len(BODY))
    assert all(before < after for (before, _), (after, _) in pairwise(seen))
    (asked,) = server.log
    assert asked.headers["User-Agent"] == f"torchvectors/{__version__}"
    assert asked.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("script", [file(BODY, chunked=True), file(BODY, length=None)])
def test_a_file_of_unannounced_length_comes_whole(server: Server, target: Path, script: object) -> None:
    fetch([server.on("/a", script)], target, digests=[SHA256])  # type: ignore[arg-type]  # parametrize knows no types
    assert target.read_bytes() == BODY


def test_one_of_several_digests_of_the_strongest_algorithm_decides(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY))
    md5 = Digest(algorithm="md5", value=hashlib.md5(BODY).hexdigest())
    assert fetch([url], target, digests=[OTHER, SHA256]).verified
    assert fetch([url], target, digests=[md5]).verified
    with pytest.raises(DigestError):
        fetch([url], target, digests=[OTHER, md5], policy=HASTY)


def test_a_wrong_digest_twice_ends_a_url_and_names_both_digests(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY))
    with pytest.raises(DigestError) as caught:
        fetch([url], target, digests=[OTHER], policy=HASTY)
    assert SHA256.value in str(caught.value)
    assert OTHER.value in str(caught.value)
    assert url in str(caught.value)
    assert len(server.log) == 2
    assert beside(target) == set()


def test_a_wrong_digest_once_is_forgiven(server: Server, target: Path) -> None:
    spoilt = b"x" + BODY[1:]
    fetch([server.on("/a", file(spoilt), file(BODY))], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert "Range" not in server.log[1].headers


def test_a_wrong_file_here_and_no_file_there_is_a_download_error(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match=r"(?s)/a: its sha256 is .*/b: it answered 404 Not Found"):
        fetch([server.on("/a", file(BODY)), server.url("/b")], target, digests=[OTHER], policy=HASTY)


@pytest.mark.parametrize("nbytes", [len(BODY) - 1, len(BODY) + 1])
def test_a_file_of_another_size_is_refused_before_it_is_read(
    server: Server, target: Path, nbytes: int
) -> None:
    big = BODY * 100
    url = server.on("/a", file(big))
    with pytest.raises(DigestError, match=rf"its file has {len(big):,} bytes, and {nbytes:,} are promised"):
        fetch([url], target, nbytes=nbytes, policy=HASTY)
    assert server.sent < len(big)
    assert beside(target) == set()


@pytest.mark.parametrize("length", [None, -1], ids=["until it closes", "chunked"])
def test_a_body_longer_than_promised_is_stopped(server: Server, target: Path, length: int | None) -> None:
    endless = file(BODY * 100, length=length, chunked=length is not None)
    with pytest.raises(DigestError, match=r"more than the 300,000 bytes promised"):
        fetch([server.on("/a", endless)], target, nbytes=len(BODY), policy=HASTY)
    assert server.sent < 100 * len(BODY)
    assert beside(target) == set()


def test_an_empty_body_is_no_file(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="empty body"):
        fetch([server.on("/a", file(b""))], target, policy=HASTY)
    assert not target.exists()


def test_the_digest_of_a_first_download_is_recorded_and_held(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.on("/a", file(BODY))
    with caplog.at_level(logging.INFO, "torchvectors"):
        receipt = fetch([url], target)
    assert not receipt.verified
    assert f"{SHA256} is recorded in {target}.receipt.json" in caplog.text

    server.on("/a", file(BODY[::-1]))
    with pytest.raises(DigestError, match=rf"first download(?s:.*)delete {target}\.receipt\.json"):
        fetch([url], target, strict=False, policy=HASTY)  # our own record is no hearsay
    assert target.read_bytes() == BODY

    other = server.on("/b", file(BODY[::-1]))  # a caller who names another place means another file
    assert fetch([other], target).nbytes == len(BODY)
    assert target.read_bytes() == BODY[::-1]


def test_hearsay_digests_are_looked_for_everywhere_and_then_only_warned_of(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = server.on("/a", file(BODY)), server.on("/b", file(BODY[::-1]))
    receipt = fetch([first, second], target, digests=[OTHER], strict=False, policy=HASTY)
    assert target.read_bytes() == BODY
    assert (receipt.url, receipt.verified) == (first, False)
    (warning,) = (one.getMessage() for one in caplog.records if one.levelno == logging.WARNING)
    assert str(OTHER) in warning
    assert str(SHA256) in warning
    assert len(server.log) == 2
    assert beside(target) == {"", ".receipt.json"}


def test_hearsay_digests_that_some_url_gives_are_kept_to(server: Server, target: Path) -> None:
    first, second = server.on("/a", file(BODY[::-1])), server.on("/b", file(BODY))
    assert fetch([first, second], target, digests=[SHA256], strict=False).verified
    assert target.read_bytes() == BODY
    assert beside(target) == {"", ".receipt.json"}


# Mirrors


def test_after_404_the_next_url_is_asked(server: Server, target: Path) -> None:
    receipt = fetch([server.url("/gone"), server.on("/b", file(BODY))], target, policy=HASTY)
    assert receipt.url == server.url("/b")
    assert [seen.path for seen in server.log] == ["/gone", "/b"]


def test_after_a_refused_connection_the_next_url_is_asked(server: Server, target: Path) -> None:
    fetch([refused_port(), server.on("/b", file(BODY))], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY


def test_every_url_and_its_failure_is_named(server: Server, target: Path) -> None:
    urls = [
        server.on("/a", Reply(status=403)),
        server.on("/b", Reply(status=503)),
        refused_port(),
        "http://[::1/vectors.zip",
        "ftp://host.invalid/vectors.zip",
    ]
    with pytest.raises(DownloadError) as caught:
        fetch(urls, target, policy=HASTY)
    text = str(caught.value)
    assert f"{urls[0]}: it answered 403 Forbidden\n" in text
    assert f"{urls[1]}: it answered 503 Service Unavailable\n" in text
    assert f"{urls[2]}: no connection, or none that lasted (Connection refused)\n" in text
    assert "(a URL that cannot be read): this is not an http or https URL" in text
    assert f"{urls[4]}: this is not an http or https URL" in text
    assert str(target) in text
    assert [seen.path for seen in server.log] == ["/a", "/b", "/b", "/b"]


def test_mirrors_of_the_environment_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ["https://a.invalid/x/glove.6B.zip?raw=1", "https://b.invalid/other.zip"]
    assert mirrored(urls) == urls
    monkeypatch.setenv("TORCHVECTORS_MIRROR", "https://m.invalid/v/  http://n.invalid")
    expected = ["https://m.invalid/v/glove.6B.zip", "http://n.invalid/glove.6B.zip", *urls]
    assert mirrored(urls) == expected
    assert mirrored(expected) == expected
    assert mirrored([]) == []


def test_without_urls_the_error_says_so(target: Path) -> None:
    with pytest.raises(NotFoundError, match=r"vectors\.zip: no URL"):
        fetch([], target)


# Broken transfers


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(min_size=1, max_size=60), data=st.data())
def test_every_cut_of_a_transfer_is_continued_to_the_right_file(
    server: Server, target: Path, body: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(body)), label="cut")
    digests = [Digest(algorithm="sha256", value=hashlib.sha256(body).hexdigest())]
    url = server.on("/a", file(body, cut=cut), file(body))
    server.log.clear()
    assume(objection(body) is None)
    fetch([url], target, digests=digests, policy=HASTY)
    assert target.read_bytes() == body
    assert server.sent == len(body)
    assert len(server.log) == (1 if cut == len(body) else 2)


@pytest.mark.parametrize("modified", [None, "Tue, 01 Sep 2026 10:00:00 GMT"])
def test_a_short_body_is_continued_where_it_ended(server: Server, target: Path, modified: str | None) -> None:
    etag = None if modified else '"1"'
    url = server.on(
        "/a", file(BODY, etag=etag, modified=modified, cut=100_000), file(BODY, etag=etag, modified=modified)
    )
    seen: list[int] = []
    fetch([url], target, digests=[SHA256], progress=lambda done, total: seen.append(done), policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.log[1].headers["Range"] == "bytes=100000-"
    assert server.log[1].headers["If-Range"] == (modified or etag)
    assert server.sent == len(BODY)
    assert seen == sorted(seen)


def test_a_broken_transfer_never_gets_the_final_name_and_the_next_call_continues_it(
    server: Server, target: Path
) -> None:
    url = server.on("/a", file(BODY, cut=120_000))
    with pytest.raises(DownloadError, match=r"vectors\.zip(?s:.*)120,000 of 300,000 bytes") as caught:
        fetch([url], target, digests=[SHA256], policy=Policy(attempts=1))
    assert "120,000 bytes that came are kept" in str(caught.value)
    assert beside(target) == {".part", ".part.json"}
    server.on("/a", file(BODY))
    fetch([url], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_reset_in_mid_body_is_survived(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY, cut=200_000, then="reset"), file(BODY))
    fetch([url], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY


def test_a_stall_ends_with_the_read_time_out_and_is_continued(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY, cut=200_000, then="stall"), file(BODY))
    fetch([url], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert "Range" in server.log[1].headers


def test_a_stall_for_ever_is_an_error(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY, cut=0, then="stall"))
    with pytest.raises(DownloadError, match=r"nothing came for 0\.3 s"):
        fetch([url], target, policy=Policy(read_timeout=0.3, attempts=1))


def test_a_cut_body_without_length_is_noticed_by_its_size(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY, length=None, cut=100_000), file(BODY))
    fetch([url], target, nbytes=len(BODY), policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_cut_chunked_body_is_noticed(server: Server, target: Path) -> None:
    fetch([server.on("/a", file(BODY, chunked=True, cut=100_000), file(BODY))], target, policy=HASTY)
    assert target.read_bytes() == BODY


def test_a_large_file_on_a_bad_line_needs_more_than_its_attempts(server: Server, target: Path) -> None:
    body = BODY * 20
    url = server.on("/a", *[file(body, cut=1_500_000)] * 3, file(body))
    fetch([url], target, policy=Policy(attempts=1 + 1, backoff=0))
    assert target.read_bytes() == body
    assert server.sent == len(body)


def test_attempts_that_bring_nothing_new_come_to_an_end(server: Server, target: Path) -> None:
    body = BODY * 20
    url = server.on("/a", file(body, ranges=False, etag=None, cut=1_500_000))
    with pytest.raises(DownloadError, match=r"1,500,000 of 6,000,000 bytes") as caught:
        fetch([url], target, policy=HASTY)
    assert "kept" not in str(caught.value)  # nothing could continue them
    assert len(server.log) <= HASTY.attempts + 1


@pytest.mark.parametrize("room", [100_000, len(BODY) - 10])
def test_a_disk_that_takes_no_more_is_a_cache_error_and_keeps_the_part(
    server: Server, target: Path, room: int
) -> None:
    url = server.on("/a", file(BODY))
    with largest_file(room), pytest.raises(CacheError, match=r"It needs 300,000 bytes, .* bytes free"):
        fetch([url], target, digests=[SHA256], policy=HASTY)
    assert not target.exists()
    assert target.with_name("vectors.zip.part").stat().st_size == room
    fetch([url], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.log[1].headers["Range"] == f"bytes={room}-"


@contextmanager
def largest_file(nbytes: int) -> Iterator[None]:
    """Let no file grow larger: the nearest to a full disk that needs no root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_an_interrupted_download_goes_on_with_the_next_call(server: Server, target: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    url = server.on("/a", file(BODY))
    with pytest.raises(KeyboardInterrupt):
        fetch([url], target, progress=interrupt)
    fetch([url], target, digests=[SHA256])
    assert target.read_bytes() == BODY
    assert server.log[1].headers["Range"] == "bytes=65536-"


def test_a_download_stopped_between_its_last_byte_and_its_name_asks_for_nothing_more(
    server: Server, target: Path
) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done == total:
            raise KeyboardInterrupt

    url = server.on("/a", file(BODY))
    with pytest.raises(KeyboardInterrupt):
        fetch([url], target, progress=interrupt)
    fetch([url], target, digests=[SHA256])
    assert target.read_bytes() == BODY
    assert len(server.log) == 1


def test_hearsay_does_not_vouch_for_a_part_from_several_answers(server: Server, target: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done == total:
            raise KeyboardInterrupt

    url = server.on("/a", file(BODY))
    with pytest.raises(KeyboardInterrupt):
        fetch([url], target, progress=interrupt)
    target.with_name("vectors.zip.part").write_bytes(bytes(len(BODY)))
    assert fetch([url], target, digests=[SHA256], strict=False).verified
    assert target.read_bytes() == BODY


# Resuming: what servers do wrong


def left_over(server: Server, target: Path, path: str = "/a", **how: str) -> str:
    """Leave 100,000 bytes of a transfer that broke, as an earlier call would."""
    url = server.on(path, file(BODY, cut=100_000, **how))  # type: ignore[arg-type]  # etag and modified only
    with pytest.raises(DownloadError):
        fetch([url], target, policy=Policy(attempts=1))
    server.log.clear()
    return url


def test_a_range_answered_with_200_is_the_download_itself(server: Server, target: Path) -> None:
    url = left_over(server, target)
    server.on("/a", file(BODY, ranges=False))
    fetch([url], target, digests=[SHA256], policy=Policy(attempts=1))
    assert target.read_bytes() == BODY
    assert len(server.log) == 1
    assert "Range" in server.log[0].headers


def test_a_file_that_changed_meanwhile_is_not_mixed_with_its_former_self(
    server: Server, target: Path
) -> None:
    url = left_over(server, target)
    server.on("/a", file(BODY[::-1], etag='"2"'))
    fetch([url], target, policy=Policy(attempts=1))
    assert target.read_bytes() == BODY[::-1]
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 0-299999/300000"},
        {"Content-Range": "bytes 100000-299999/300001"},
        {"Content-Range": "bytes 100000-299999/300000", "ETag": '"2"'},
        {"Content-Range": "nonsense"},
        {},
    ],
)
def test_a_wrong_206_starts_over(server: Server, target: Path, headers: dict[str, str]) -> None:
    url = left_over(server, target)
    wrong = Reply(status=206, body=bytes(200_000), headers=headers)
    server.on("/a", wrong, file(BODY))
    fetch([url], target, digests=[SHA256], policy=Policy(attempts=1))
    assert target.read_bytes() == BODY
    assert "Range" not in server.log[1].headers
    assert len(server.log) == 2


def test_416_starts_over(server: Server, target: Path) -> None:
    url = left_over(server, target)
    server.on("/a", Reply(status=416), file(BODY))
    fetch([url], target, digests=[SHA256], policy=Policy(attempts=1))
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("etag", ["", 'W/"1"'], ids=["none", "weak"])
def test_without_a_validator_a_part_is_not_continued(server: Server, target: Path, etag: str) -> None:
    url = left_over(server, target, etag=etag)
    server.on("/a", file(BODY))
    fetch([url], target)
    assert "Range" not in server.log[0].headers


@pytest.mark.parametrize("value", ['"a\0b"', '"a\r\n b"', '"a', f'"{"e" * 9_000}"', "a\x01b", "\x7f"])
@pytest.mark.parametrize("name", ["etag", "modified"])
def test_a_validator_that_cannot_be_sent_back_is_none(
    server: Server, target: Path, name: str, value: str
) -> None:
    etag, modified = (value, None) if name == "etag" else (None, value)
    broken = file(BODY, etag=etag, modified=modified, cut=100_000)
    url = server.on("/a", broken, file(BODY, etag=etag, modified=modified))
    fetch([url], target, policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.log[1].headers["If-Range"] is None
    target.with_name("vectors.zip.part").write_bytes(BODY[:9])
    note = {"url": url, name: value, "total": len(BODY)}  # as a careless program would have left it
    target.with_name("vectors.zip.part.json").write_text(json.dumps(note))
    fetch([url], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("etag", ["", 'W/"1"'], ids=["none", "weak"])
def test_with_a_digest_a_part_is_continued_also_without_a_validator(
    server: Server, target: Path, etag: str
) -> None:
    server.on("/a", file(BODY, etag=etag, cut=100_000), file(BODY, etag=etag))
    fetch([server.url("/a")], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_part_is_continued_elsewhere_only_where_a_digest_will_tell(server: Server, target: Path) -> None:
    left_over(server, target)
    mirror = server.on("/b", file(BODY, etag='"theirs"', cut=50_000), file(BODY, etag='"theirs"'))
    receipt = fetch([mirror], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert (receipt.url, receipt.etag) == (mirror, '"theirs"')
    first, second = server.log
    assert (first.headers["Range"], first.headers["If-Range"]) == ("bytes=100000-", None)
    assert (second.headers["Range"], second.headers["If-Range"]) == ("bytes=150000-", '"theirs"')


def test_a_part_is_not_continued_elsewhere_where_nothing_would_tell(server: Server, target: Path) -> None:
    left_over(server, target)
    fetch([server.on("/b", file(BODY))], target)
    assert "Range" not in server.log[0].headers
    assert target.read_bytes() == BODY


def test_a_part_of_another_file_costs_one_more_request_elsewhere(server: Server, target: Path) -> None:
    url = server.on("/a", file(BODY[::-1], cut=100_000), Reply(status=404))
    mirror = server.on("/b", file(BODY))
    fetch([url, mirror], target, digests=[SHA256], policy=HASTY)
    assert target.read_bytes() == BODY
    assert [seen.headers["Range"] for seen in server.requests("/b")] == ["bytes=100000-", None]


def test_what_a_server_refuses_to_continue_is_kept_until_something_better_has_come(
    server: Server, target: Path
) -> None:
    url = left_over(server, target)
    server.on("/a", Reply(status=416), Reply(status=503))
    with pytest.raises(DownloadError, match="The 100,000 bytes that came are kept"):
        fetch([url], target, digests=[SHA256], policy=HASTY)
    server.on("/a", file(BODY))
    fetch([url], target, digests=[SHA256])
    assert server.sent == len(BODY) - 100_000


def test_what_nobody_can_continue_is_not_left_behind(server: Server, target: Path) -> None:
    with pytest.raises(DownloadError, match="100,000 of 300,000"):
        fetch([server.on("/a", file(BODY, etag=None, cut=100_000))], target, policy=Policy(attempts=1))
    assert beside(target) == set()


def test_a_part_outlives_other_urls_that_fail(server: Server, target: Path) -> None:
    url = left_over(server, target)
    server.on("/page", Reply(body=HTML))
    with pytest.raises(DownloadError):
        fetch([server.url("/gone"), server.url("/page"), refused_port()], target, policy=HASTY)
    server.on("/a", file(BODY))
    fetch([url], target, digests=[SHA256])
    assert server.requests("/a")[0].headers["Range"] == "bytes=100000-"


def test_a_spoilt_part_is_found_out_by_the_digest(server: Server, target: Path) -> None:
    url = left_over(server, target)
    target.with_name("vectors.zip.part").write_bytes(bytes(100_000))
    server.on("/a", file(BODY))
    fetch([url], target, digests=[SHA256])
    assert target.read_bytes() == BODY


@given(
    note=st.binary(max_size=30) | st.sampled_from([b"null", b"[]", b"{}", b'{"url": 1}', b'{"nbytes": "x"}'])
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_unreadable_note_or_receipt_counts_as_none(server: Server, target: Path, note: bytes) -> None:
    for name in (".part", ".part.json", ".receipt.json"):
        target.with_name(target.name + name).write_bytes(note)
    url = server.on("/a", file(BODY))
    assert receipt_of(target) is None
    fetch([url], target)
    assert target.read_bytes() == BODY


# Servers in trouble


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(server: Server, target: Path, status: int) -> None:
    busy = Reply(status=status, headers={"Retry-After": "0"})
    fetch([server.on("/a", busy, busy, file(BODY))], target, policy=HASTY)
    assert target.read_bytes() == BODY


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206, 304])
def test_a_plain_no_is_not_asked_again(server: Server, target: Path, status: int) -> None:
    with pytest.raises(DownloadError, match=rf"it answered {status}"):
        fetch([server.on("/a", Reply(status=status))], target, policy=HASTY)
    assert len(server.log) == 1


def test_a_server_is_given_the_time_it_asks_for_within_bounds() -> None:
    policy = Policy(backoff=1, longest_wait=60)
    assert [policy.pause(attempt, 0) for attempt in (1, 2, 3, 10)] == [1, 2, 4, 60]
    assert policy.pause(1, 7) == 7
    assert policy.pause(1, 1e9) == 60
    dated = {"Date": "Tue, 01 Sep 2026 10:00:00 GMT", "Retry-After": "Tue, 01 Sep 2026 10:00:20 GMT"}
    for headers, seconds in [({"Retry-After": "30"}, 30), (dated, 20), ({"Retry-After": "soon"}, 0), ({}, 0)]:
        assert judge(503, CaseInsensitiveDict(headers), None).wait == seconds


@pytest.mark.parametrize("kind", [{"attempts": 0}, {"read_timeout": 0}, {"backoff": -1}])
def test_an_impossible_policy_is_refused(kind: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(kind))):
        Policy(**kind)


# Redirects


def test_redirects_are_followed_with_the_range(server: Server, target: Path) -> None:
    url = server.on("/start", redirect("/middle", 301))
    server.on("/middle", redirect(server.url("/end"), 308))
    server.on("/end", file(BODY, cut=100_000), file(BODY))
    receipt = fetch([url], target, digests=[SHA256], policy=HASTY)
    assert receipt.url == url
    assert server.sent == len(BODY)


def test_the_body_of_a_redirect_is_not_read(server: Server, target: Path) -> None:
    long = Reply(status=302, headers={"Location": "/b"}, body=BODY * 100)
    server.on("/b", file(BODY))
    fetch([server.on("/a", long)], target, digests=[SHA256])
    assert server.sent < len(BODY) * 100


def test_a_redirect_loop_ends(server: Server, target: Path) -> None:
    url = server.on("/a", redirect("/a"))
    with pytest.raises(DownloadError, match="redirects more than 4 times"):
        fetch([url], target, policy=Policy(redirects=4))
    assert len(server.log) == 5


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://[::1", "ftp://x.invalid/"])
def test_a_redirect_to_what_is_not_http_is_refused(server: Server, target: Path, place: str) -> None:
    with pytest.raises(DownloadError, match="it redirects to"):
        fetch([server.on("/a", redirect(place))], target, policy=HASTY)


def test_a_redirect_may_add_encryption_and_never_take_it_away() -> None:
    assert hop_refused("http://a.invalid/", "https://a.invalid/") is None
    assert hop_refused("http://a.invalid/", "http://b.invalid/") is None
    assert "without encryption" in (hop_refused("https://a.invalid/", "http://a.invalid/?sig=s3cret") or "")
    assert "s3cret" not in (hop_refused("https://a.invalid/", "http://a.invalid/?sig=s3cret") or "")


def test_credentials_go_along_to_the_same_host_only() -> None:
    assert hop("http://u:p@a.invalid/x", "/y") == "http://u:p@a.invalid/y"
    assert hop("http://u:p@a.invalid/x", "http://a.invalid/y") == "http://u:p@a.invalid/y"
    assert hop("http://u:p@a.invalid/x", "http://b.invalid/y") == "http://b.invalid/y"
    assert hop("http://u:p@a.invalid/x", "http://a.invalid:8080/y") == "http://a.invalid:8080/y"


# What poses as data


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "the 0.1 0.2\n" * 10_000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("page", "what"),
    [
        (HTML, r"an HTML page \('Virus scan warning'\)"),
        (b"\xef\xbb\xbf<HTML lang=en><p>Log in</p>", "an HTML page"),
        (
            b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
            r"an XML error \('AccessDenied'\)",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
    ],
)
def test_a_page_in_place_of_data_is_never_kept_and_asked_for_afresh(
    server: Server, target: Path, page: bytes, what: str
) -> None:
    url = server.on("/a", Reply(body=page), file(BODY))
    with pytest.raises(DownloadError, match=f"it gave {what} in place of data"):
        fetch([url], target, policy=HASTY)
    assert beside(target) == set()
    assert len(server.log) == 1
    fetch([url], target, policy=HASTY)
    assert target.read_bytes() == BODY


def test_a_page_that_comes_in_drops_is_recognised(server: Server, target: Path) -> None:
    url = server.on("/a", *(file(HTML, cut=1) for _ in range(20)), file(HTML))
    with pytest.raises(DownloadError, match="an HTML page"):
        fetch([url], target, policy=Policy(attempts=99, backoff=0))
    assert beside(target) == set()


@pytest.mark.parametrize(
    "head",
    [b"<unk> 0.1", b"<s> 0", b"</s> 1", b"<!-- 2", b"<html5> 1", b"<error> 1", b"<?xml 1", b"version 0.1"],
)
def test_a_token_that_looks_like_a_tag_is_data(head: bytes) -> None:
    assert objection(head + b" 0.5\n") is None


def test_a_zip_packed_on_the_way_is_refused_and_not_spoilt(server: Server, target: Path) -> None:
    packed = Reply(body=gzip.compress(zipped()), headers={"Content-Encoding": "gzip", "ETag": '"1"'})
    with pytest.raises(DownloadError, match="packed the file on the way"):
        fetch([server.on("/a", packed)], target, policy=HASTY)
    assert beside(target) == set()
    fetch([server.url("/a"), server.on("/b", file(zipped()))], target, policy=HASTY)
    assert zipfile.ZipFile(target).testzip() is None


def test_a_zip_falsely_called_packed_is_kept_as_it_is(server: Server, target: Path) -> None:
    url = server.on("/a", file(zipped(), headers={"Content-Encoding": "gzip"}))
    fetch([url], target)
    assert target.read_bytes() == zipped()


def test_a_stored_gz_file_called_encoded_is_kept_as_it_is(server: Server, tmp_path: Path) -> None:
    stored = gzip.compress(BODY)
    target = tmp_path / "cc.de.300.vec.gz"
    fetch([server.on("/a", file(stored, headers={"Content-Encoding": "x-gzip"}))], target)
    assert target.read_bytes() == stored
    with pytest.raises(DownloadError, match="Content-Encoding: br"):
        fetch([server.on("/b", file(stored, headers={"Content-Encoding": "br"}))], target, policy=HASTY)


@pytest.mark.parametrize("labels", [("", "gzip"), ("gzip", "br"), ("gzip", "gzip")])
def test_a_range_packed_on_the_way_is_not_mixed_with_bytes_that_were_not(
    server: Server, tmp_path: Path, labels: tuple[str, str]
) -> None:
    body, target = gzip.compress(BODY, 1), tmp_path / "cc.de.300.vec.gz"
    first, second = ({"Content-Encoding": label} if label else {} for label in labels)
    url = server.on("/a", file(body, cut=100_000, headers=first), file(body, headers=second), file(body))
    fetch([url], target, policy=HASTY)  # without a digest: nothing would tell afterwards
    assert target.read_bytes() == body
    assert len(server.log) == (2 if labels[0] == labels[1] else 3)


# Trust


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody vouches for; its key lies beside it as ``key.pem``."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    words += [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-out",
        str(path),
        "-keyout",
        str(path.with_name("key.pem")),
    ]
    subprocess.run([openssl, *words], check=True, capture_output=True)
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with Server(tls=context) as running:
        yield running


def test_an_untrusted_certificate_is_refused(
    tls_server: Server, target: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = tls_server.on("/a", file(BODY))
    with pytest.raises(DownloadError, match=r"its certificate was not accepted \(self.signed certificate\)"):
        fetch([url], target, policy=HASTY)
    assert tls_server.log == []
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # only trust was missing
    fetch([url], target, policy=HASTY)
    assert target.read_bytes() == BODY


def test_a_redirect_that_gives_up_encryption_is_refused(
    server: Server, tls_server: Server, target: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    url = tls_server.on("/a", redirect(server.on("/a", file(BODY))))
    with pytest.raises(DownloadError, match="without encryption"):
        fetch([url], target, policy=HASTY)
    assert server.log == []


def test_credentials_are_used_and_never_shown(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = "/vectors.zip?X-Amz-Signature=hush&id=7&whisper#murmur"
    asked: list[str | None] = []

    def for_members(seen: Seen) -> Reply:
        asked.append(seen.headers.get("Authorization"))
        return file(BODY, cut=100_000 if len(asked) == 1 else None)(seen)

    server.on("/vectors.zip", for_members)
    url = server.url(path, user="anna:s3cret")
    everything = []
    with caplog.at_level(logging.DEBUG, "torchvectors"):
        with pytest.raises(DownloadError) as caught:
            fetch([url], target, policy=Policy(attempts=1))
        everything.append(target.with_name("vectors.zip.part.json").read_text())
        fetch([url], target, policy=HASTY)
        everything.append(target.with_name("vectors.zip.receipt.json").read_text())
        with pytest.raises(DownloadError) as again:
            fetch([refused_port().replace("//", "//anna:s3cret@") + "?token=hush"], target, policy=HASTY)
    for error in (caught.value, again.value):
        assert (error.__cause__, error.__context__) == (None, None)  # their texts hold the URL
        everything.append(str(error))
    everything += [one.getMessage() for one in caplog.records if one.name.startswith("torchvectors")]
    assert asked == ["Basic YW5uYTpzM2NyZXQ="] * 2
    assert server.log[1].headers["Range"] == "bytes=100000-"
    for text in everything:
        for secret in ("s3cret", "anna", "hush", "whisper", "murmur"):
            assert secret not in text
    assert any("X-Amz-Signature=…&id=7&…" in text for text in everything)


@given(
    user=st.from_regex(r"[a-z]{4,9}", fullmatch=True),
    password=st.text(st.characters(codec="ascii"), min_size=4),
)
def test_every_password_stays_hidden(user: str, password: str) -> None:
    from urllib.parse import quote

    url = f"https://{user}Q:{quote(password, safe='')}Q@host.invalid/a.zip"
    assert shown(url) == "https://host.invalid/a.zip"


# Offline


@pytest.mark.parametrize(
    ("value", "forbids"),
    [("", False), ("0", False), ("False", False), ("no", False), ("1", True), ("true", True), ("yes", True)],
)
def test_offline_is_read_when_it_is_asked(monkeypatch: pytest.MonkeyPatch, value: str, forbids: bool) -> None:
    assert offline() is False
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", value)
    assert offline() is forbids


def test_offline_opens_no_socket_and_says_what_to_do(target: Path) -> None:
    program = """
import os, sys
from pathlib import Path
from torchvectors.download import fetch
from torchvectors.errors import OfflineError
assert not {"requests", "urllib3"} & set(sys.modules), "importing must stay light"
def no_socket(event, arguments):
    if event.startswith("socket."):
        os._exit(3)
sys.addaudithook(no_socket)
try:
    fetch(["https://u:s3cret@a.invalid/v.zip", "https://b.invalid/v.zip"], Path(sys.argv[1]))
except OfflineError as error:
    print(error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, target],
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "TORCHVECTORS_OFFLINE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    for part in (
        str(target),
        "https://a.invalid/v.zip",
        "https://b.invalid/v.zip",
        "once without TORCHVECTORS_OFFLINE",
    ):
        assert part in ran.stdout
    assert "s3cret" not in ran.stdout
    assert beside(target) == set()


def test_offline_error_is_a_download_error(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with pytest.raises(DownloadError) as caught:
        fetch(["https://a.invalid/v.zip"], target)
    assert isinstance(caught.value, OfflineError)
    assert isinstance(caught.value, TorchVectorsError)


# Receipts and checks


def test_a_file_without_a_receipt_has_none(target: Path) -> None:
    assert receipt_of(target) is None
    target.write_bytes(BODY)
    assert receipt_of(target) is None


@pytest.mark.parametrize(
    "change", [{"sha256": "x"}, {"nbytes": True}, {"verified": None}, {"url": 1}, {"etag": 1}, {"url": None}]
)
def test_a_receipt_that_says_nonsense_counts_as_none(
    server: Server, target: Path, change: dict[str, object]
) -> None:
    fetch([server.on("/a", file(BODY))], target)
    path = target.with_name("vectors.zip.receipt.json")
    assert receipt_of(target) is not None
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert receipt_of(target) is None


class Crash(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    ("crash_at", "receipt_left"),
    [(".receipt.json", BODY[::-1]), ("", BODY)],
    ids=["before the receipt", "before the file"],
)
def test_a_crash_leaves_no_file_with_the_receipt_of_another(
    server: Server, target: Path, crash_at: str, receipt_left: bytes
) -> None:
    fetch([server.on("/a", file(BODY[::-1]))], target)
    url = server.on("/a", file(BODY))
    armed = True

    def crash(event: str, arguments: tuple[object, ...]) -> None:
        if armed and event == "os.rename" and str(arguments[1]) == f"{target}{crash_at}":
            raise Crash

    sys.addaudithook(crash)
    with pytest.raises(Crash):
        fetch([url], target, digests=[SHA256])
    armed = False
    receipt = receipt_of(target)
    assert receipt is not None
    assert receipt.sha256 == hashlib.sha256(receipt_left).hexdigest()
    assert not target.exists()
    fetch([url], target, digests=[SHA256])
    assert target.read_bytes() == BODY
    assert len(server.log) == 2  # the whole part was still there
    assert beside(target) == {"", ".receipt.json"}


def test_a_fetched_file_can_be_checked_again(server: Server, target: Path) -> None:
    receipt = fetch([server.on("/a", file(BODY))], target)
    assert matches(target, digests=[receipt.digest], nbytes=receipt.nbytes)
    assert matches(target, digests=[OTHER, SHA256])
    assert matches(target)
    assert not matches(target, digests=[OTHER])
    assert not matches(target, nbytes=1)
    assert not matches(target.with_name("gone"))
    seen: list[tuple[int, int | None]] = []
    assert (
        digest_of(target, "md5", lambda done, total: seen.append((done, total)))
        == hashlib.md5(BODY).hexdigest()
    )
    assert seen == [(len(BODY), len(BODY))]


# The pure decisions


HELD = Held(size=4, origin=Origin(url="u", etag='"1"', modified="Tue", total=8))


@pytest.mark.parametrize(
    ("status", "headers", "held", "expected"),
    [
        (200, {}, None, Do.REPLACE),
        (200, {}, HELD, Do.REPLACE),
        (200, {"Content-Length": "9" * 5000}, None, Do.REPLACE),
        (206, {"Content-Range": "bytes 4-7/8"}, HELD, Do.APPEND),
        (206, {"Content-Range": "bytes 4-7/*"}, HELD, Do.APPEND),
        (206, {"Content-Range": "bytes 4-7/8", "ETag": '"1"', "Last-Modified": "Wed"}, HELD, Do.APPEND),
        (206, {"Content-Range": "bytes 4-7/8", "Last-Modified": "Wed"}, HELD, Do.AFRESH),
        (206, {"Content-Range": "bytes 4-7/8", "ETag": '"2"'}, HELD, Do.AFRESH),
        (206, {"Content-Range": "bytes 4-7/9"}, HELD, Do.AFRESH),
        (206, {"Content-Range": "bytes 3-7/8"}, HELD, Do.AFRESH),
        (206, {"Content-Range": "bytes 4-3/8"}, HELD, Do.AFRESH),
        (206, {"Content-Range": f"bytes 4-7/{'9' * 5000}"}, HELD, Do.AFRESH),
        (206, {"Content-Type": "multipart/byteranges; boundary=x"}, HELD, Do.AFRESH),
        (206, {"Content-Range": "bytes 4-7/8"}, None, Do.REFUSE),
        (416, {}, HELD, Do.AFRESH),
        (416, {}, None, Do.REFUSE),
        (429, {}, HELD, Do.RETRY),
        (599, {}, None, Do.RETRY),
        (404, {}, HELD, Do.REFUSE),
        (302, {}, None, Do.REFUSE),
    ],
)
def test_status_and_headers_decide(
    status: int, headers: dict[str, str], held: Held | None, expected: Do
) -> None:
    assert judge(status, CaseInsensitiveDict(headers), held).do is expected


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(
        st.sampled_from(["Content-Range", "Content-Length", "Retry-After", "Date", "ETag"]),
        st.text(max_size=20),
    ),
    held=st.sampled_from([None, HELD]),
)
def test_every_answer_is_judged_and_none_is_appended_unasked(
    status: int, headers: dict[str, str], held: Held | None
) -> None:
    verdict = judge(status, CaseInsensitiveDict(headers), held)
    assert verdict.wait >= 0
    if held is None:
        assert verdict.do not in (Do.APPEND, Do.AFRESH)


def test_a_length_counts_only_without_a_transfer_coding() -> None:
    assert judge(200, CaseInsensitiveDict({"content-length": "8"}), None).total == 8
    coded = CaseInsensitiveDict({"Content-Length": "8", "Transfer-Encoding": "chunked"})
    assert judge(200, coded, None).total is None


def test_the_entity_tag_is_the_preferred_validator() -> None:
    assert range_headers(None) == {}
    assert range_headers(HELD) == {"Range": "bytes=4-", "If-Range": '"1"'}
    dated = Held(size=4, origin=Origin(url="u", modified="Tue"))
    assert range_headers(dated)["If-Range"] == "Tue"


def test_two_downloads_at_once_do_not_disturb_each_other(server: Server, tmp_path: Path) -> None:
    urls = {name: server.on(f"/{name}", file(BODY + name.encode())) for name in "abcd"}
    threads = [threading.Thread(target=fetch, args=([url], tmp_path / name)) for name, url in urls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((tmp_path / name).read_bytes() == BODY + name.encode() for name in urls)
