"""A tired or hostile server, at each moment of a download: the right file, or one error that names every URL."""

from __future__ import annotations

import os
import random
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from _pytest.mark.structures import ParameterSet
from faults import ARCHIVE, FAULTS, MOMENTS, Fault, came_right, names_of, right, serve
from servers import Reply, Script, Seen, Server, file

from torchvectors.download import Policy, fetch, receipt_of
from torchvectors.errors import DigestError, DownloadError, TorchVectorsError

# Honest answers may take their time on a busy machine; those that never come need not be waited for. A trickle must
# not look like silence there, nor an honest answer, whose first bytes come all at once, like a trickle.
PATIENT = Policy(backoff=0, longest_wait=0.01, read_timeout=20, attempts=3)
HASTY = {
    "silence": replace(PATIENT, read_timeout=0.15, attempts=9),
    "trickle": replace(PATIENT, slow_for=0.15, slowest=300, attempts=9),
}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NETRC", os.devnull)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def policy_for(fault: Fault) -> Policy:
    return HASTY[fault.waits] if fault.waits else PATIENT


def cases(wanted: Callable[[str, Fault], bool], among: int, waits_at: str) -> list[ParameterSet]:
    """Return every fault at every moment; one of ``among`` is tried each time, the others are slow in sum."""
    found = []
    for turn, moment in enumerate(MOMENTS):
        for number, (name, fault) in enumerate(FAULTS.items()):
            if wanted(moment, fault):
                now = waits_at == moment if fault.waits else (number + turn) % among == 0
                found.append(pytest.param(moment, name, marks=[] if now else [pytest.mark.slow]))
    return found


PASSING = cases(lambda _, fault: fault.again and not fault.harmless, 3, "member")
STAYING = cases(lambda moment, fault: not fault.harmless and fault.fine_for != moment, 3, "whole")
MIRRORED = cases(lambda *_: True, 9, "")


@pytest.mark.parametrize(("moment", "name"), PASSING)
def test_a_fault_that_passes_is_survived(server: Server, tmp_path: Path, moment: str, name: str) -> None:
    fault = FAULTS[name]
    url = serve(server, "/v.zip", MOMENTS[moment], fault.script)
    assert came_right(MOMENTS[moment], [url], tmp_path, policy_for(fault))


@pytest.mark.parametrize(("moment", "name"), STAYING)
def test_faults_that_stay_end_in_one_error_that_names_every_url(
    server: Server, tmp_path: Path, moment: str, name: str
) -> None:
    fault = FAULTS[name]
    url = serve(server, "/v.zip", MOMENTS[moment], fault.script, forever=True)
    other = server.on("/mirror/v.zip", Reply(status=410))
    with pytest.raises((DownloadError, DigestError), match=rf"(?s)/v\.zip: .*({fault.says})") as caught:
        MOMENTS[moment].get(
            [url, other], tmp_path, replace(policy_for(fault), attempts=1 if fault.waits else 2)
        )
    assert caught.value.__cause__ is None
    assert f"\n  {url}: " in str(caught.value)
    gone = "" if fault.waits == "silence" else "it answered 410 Gone"  # or that came too late, too
    assert f"\n  {other}: {gone}" in str(caught.value)
    assert not names_of(tmp_path)
    server.on("/v.zip", file(ARCHIVE))
    assert came_right(MOMENTS[moment], [url], tmp_path, PATIENT)  # whatever was kept


@pytest.mark.parametrize(("moment", "name"), MIRRORED)
def test_after_a_fault_that_stays_the_next_url_is_asked(
    server: Server, tmp_path: Path, moment: str, name: str
) -> None:
    fault = FAULTS[name]
    bad = serve(server, "/v.zip", MOMENTS[moment], fault.script, forever=True)
    good = server.on("/mirror/v.zip", file(ARCHIVE))
    assert came_right(MOMENTS[moment], [bad, good], tmp_path, replace(policy_for(fault), attempts=5))


@pytest.mark.parametrize("tenth", range(11))
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_reset_at_every_tenth_is_continued(server: Server, tmp_path: Path, moment: str, tenth: int) -> None:
    def breaking(seen: Seen) -> Reply:
        good = file(ARCHIVE)(seen)
        return replace(good, cut=len(good.body) * tenth // 10, then="reset")

    url = serve(server, "/v.zip", MOMENTS[moment], breaking)
    assert came_right(MOMENTS[moment], [url], tmp_path, PATIENT)
    assert server.sent < 2.2 * len(ARCHIVE)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_reset_at_every_tenth_of_the_same_download_is_continued(
    server: Server, tmp_path: Path, moment: str
) -> None:
    """Ten resets in a row, each a tenth of the file further: more than there are attempts for one place."""

    def breaking(seen: Seen) -> Reply:
        good = file(ARCHIVE)(seen)
        return replace(good, cut=min(len(good.body), len(ARCHIVE) // 10), then="reset")

    url = serve(server, "/v.zip", MOMENTS[moment], *[breaking] * 10)
    assert came_right(MOMENTS[moment], [url], tmp_path, replace(PATIENT, attempts=12))


# No answer at all


def test_a_connection_that_is_refused_ends_in_the_next_url_or_an_error(
    server: Server, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v.zip"
    for moment in MOMENTS.values():
        with pytest.raises(
            DownloadError, match=r"/v\.zip: no connection, or none that lasted \(Connection refused"
        ):
            moment.get([url], tmp_path, PATIENT)
    for name, moment in MOMENTS.items():
        good = serve(server, "/v.zip", moment)
        (tmp_path / name).mkdir()
        assert came_right(moment, [url, good], tmp_path / name, PATIENT)


def test_a_connection_that_never_comes_about_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # more than it has room for: no further one is answered
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        policy = replace(PATIENT, connect_timeout=0.2, read_timeout=0.2, attempts=2)
        with pytest.raises(DownloadError, match=r"no connection within 0\.2 s|nothing came for 0\.2 s"):
            MOMENTS["whole"].get([f"http://127.0.0.1:{address[1]}/v.zip"], tmp_path, policy)
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [(socket.EAI_NONAME, "Name or service not known"), (socket.EAI_AGAIN, "Temporary failure")],
)
def test_without_a_network_little_time_is_spent_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    asked: list[str] = []

    def nowhere(host: str, *_: object, **__: object) -> object:
        asked.append(host)
        raise socket.gaierror(code, said)

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    urls = [f"https://{name}.invalid/v.zip" for name in "abc"]
    with pytest.raises(DownloadError) as caught:
        MOMENTS["member"].get(urls, tmp_path, PATIENT)
    assert [name[0] for name in asked] == ["a", "a", "b", "c"]
    for url in urls:
        assert f"{url}: there is no way to this host ({said})" in str(caught.value)


def test_a_line_that_fails_in_the_middle_is_given_all_attempts(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.on("/v.zip", file(ARCHIVE, cut=50_000), file(ARCHIVE))
    resolve, asked = socket.getaddrinfo, Counter[str]()

    def flickering(*arguments: object, **options: object) -> object:
        asked["all"] += 1
        if asked["all"] in (2, 3, 4):
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(*arguments, **options)  # type: ignore[arg-type]  # whatever was asked

    monkeypatch.setattr(socket, "getaddrinfo", flickering)
    assert came_right(MOMENTS["whole"], [url], tmp_path, replace(PATIENT, attempts=5))


# Waiting


def test_a_server_that_asks_for_too_long_a_wait_is_left_alone_where_another_is_there(
    server: Server, tmp_path: Path
) -> None:
    busy = server.on("/v.zip", Reply(status=429, headers={"Retry-After": "3600"}))
    good = server.on("/mirror/v.zip", file(ARCHIVE))
    assert came_right(MOMENTS["whole"], [busy, good], tmp_path, replace(PATIENT, longest_wait=60, backoff=60))
    assert len(server.requests("/v.zip")) == 1


def test_a_slow_line_that_is_fast_enough_is_waited_for(server: Server, tmp_path: Path) -> None:
    stretched = Policy(read_timeout=20, slow_for=0.02, slowest=1, backoff=0, attempts=1)
    reply = Reply(
        raw=b"HTTP/1.1 200 OK\r\nX-Slow: ", then="trickle", again=b"x", drops=30, tail=b"\r\n\r\n" + ARCHIVE
    )
    assert came_right(MOMENTS["whole"], [server.on("/v.zip", reply)], tmp_path, stretched)


def test_how_long_is_waited_can_be_set(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Policy.of_environment() == Policy()
    monkeypatch.setenv("TORCHVECTORS_TIMEOUT", " 0.2 ")
    patient = Policy.of_environment()
    assert (patient.connect_timeout, patient.read_timeout, patient.slow_for) == (0.2, 0.2, 0.4)
    url = server.on("/v.zip", Reply(raw=b"", then="stall"))
    with pytest.raises(DownloadError, match=r"nothing came for 0\.2 s"):
        MOMENTS["whole"].get([url], tmp_path, replace(patient, attempts=1))


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e9"])
def test_a_wait_that_makes_no_sense_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TORCHVECTORS_TIMEOUT", value)
    with pytest.raises(DownloadError, match=re.escape(f"TORCHVECTORS_TIMEOUT='{value}': give the seconds")):
        fetch([server.on("/v.zip", file(ARCHIVE))], tmp_path / "v.zip")
    assert not server.log


# Any faults, in any order


def counted(name: str, served: Counter[str]) -> Script:
    """Serve a fault, and count it."""

    def script(seen: Seen) -> Reply:
        served[name] += 1
        fault = FAULTS[name].script
        return fault if isinstance(fault, Reply) else fault(seen)

    return script


def scripts_of(chance: random.Random, served: Counter[str]) -> list[Script]:
    names = [name for name, fault in FAULTS.items() if not fault.waits]
    drawn = chance.choices(names, k=chance.randrange(7))
    return [*[file(ARCHIVE)] * chance.randrange(2), *(counted(name, served) for name in drawn)]


def verified(path: Path) -> bool:
    receipt = receipt_of(path)
    return receipt is not None and receipt.verified


def survive(seeds: range, folder: Path) -> tuple[Counter[str], int, int]:
    """Let servers behave as each seed says: what was served, how many downloads, how many of them succeeded."""
    served, downloads, successes = Counter[str](), 0, 0
    for seed in seeds:
        chance, place = random.Random(seed), folder / str(seed)
        place.mkdir()
        moment = MOMENTS[chance.choice(list(MOMENTS))]
        known = not moment.member or chance.random() < 0.8
        with Server() as server:
            urls = []
            for number in range(chance.randrange(1, 4)):
                scripts = scripts_of(chance, served)
                last = [file(ARCHIVE)] if chance.random() < 0.7 or not scripts else []
                urls.append(server.on(f"/{number}/v.zip", *scripts, *last))
            for _ in range(3):
                downloads += 1
                try:
                    path = moment.get(urls, place, replace(PATIENT, attempts=2), known=known)
                except TorchVectorsError as error:
                    unnamed = [url for url in urls if url not in str(error)]
                    assert (unnamed, names_of(place)) == ([], set()), (seed, str(error))  # noqa: PT017
                else:
                    successes += 1
                    # Of an archive of which nothing is published the reader checks the member.
                    assert right(path) or not (known or verified(path)), seed
                    break
            else:
                urls = [server.on("/0/v.zip", file(ARCHIVE))]
                assert came_right(moment, urls, place, PATIENT), seed
    return served, downloads, successes


def test_random_faults_end_in_the_right_bytes_or_an_error(tmp_path: Path) -> None:
    served, downloads, successes = survive(range(50), tmp_path)
    assert sum(served.values()) > 100
    assert 0 < successes <= downloads


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thousands_of_random_faults_end_in_the_right_bytes_or_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served, downloads, successes = survive(range(50, 5_050), tmp_path)
    with capsys.disabled():
        text = f"{sum(served.values()):,} faults of {len(served)} kinds in {downloads:,} downloads, "
        text += f"{successes:,} of which gave the file, and the others an error; none gave a wrong one"
        sys.stdout.write(f"\n{text}\n")
