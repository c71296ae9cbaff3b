"""Secrets in URLs: used, and found in nothing that is written or said. And what opens no socket."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import Reply, Server, file, redirect

from torchvectors import cli, utils
from torchvectors.acquire import acquire
from torchvectors.cache import folders
from torchvectors.download import Policy, fetch, shown
from torchvectors.download.addresses import unsaid
from torchvectors.download.disguise import posing
from torchvectors.errors import TorchVectorsError
from torchvectors.inventory import look
from torchvectors.pretrained import FastText
from torchvectors.progress import bar
from torchvectors.vectors import Vectors

TEXT = b"".join(b"word%d %d.5 0.25 -1\n" % (i, i) for i in range(2_000))
USER, QUERY = "anna-secret:pass-secret", "X-Amz-Signature=sig-secret&token=tok%2Dsecret&id=7#frag-secret"
SECRET = b"secret"  # is in all of them, and in nothing else here


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, TEXT)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NETRC", os.devnull)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


class Listener:
    """Hears everything that this process writes or says while a test runs."""

    def __init__(
        self, cache: Path, heard: pytest.LogCaptureFixture, said: pytest.CaptureFixture[str]
    ) -> None:
        self._cache, self._heard, self._said, self._more = cache, heard, said, ""
        heard.set_level(logging.DEBUG)  # the root's: urllib3's own words, too

    def error_of(self, call: Callable[[], object]) -> str:
        """Return what an error says, and what a traceback would show of those behind it."""
        with pytest.raises((TorchVectorsError, ValueError)) as caught:
            call()
        one: BaseException | None = caught.value
        while one is not None:
            self._more += f"{one}\n"
            one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        return str(caught.value)

    def check(self) -> None:
        out, err = self._said.readouterr()
        for text in (self._more, self._heard.text, out, err):
            assert SECRET.decode() not in text
        for path in self._cache.rglob("*"):
            assert SECRET.decode() not in str(path.relative_to(self._cache))
            assert not path.is_file() or SECRET not in path.read_bytes()


@pytest.fixture
def listener(
    own_cache: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> Listener:
    return Listener(own_cache, caplog, capsys)


def address(server: Server, path: str) -> str:
    return f"{server.url(path, user=USER)}?{QUERY}"


def the_secrets_came(server: Server, path: str) -> bool:
    return all(
        "sig-secret" in seen.path and seen.headers["Authorization"]
        for seen in server.log
        if path in seen.path
    )


# What is written and said


def test_vectors_by_a_secret_url_keep_it_to_themselves(server: Server, listener: Listener) -> None:
    server.on("/v.zip", file(zipped("v.txt"), cut=3_000), file(zipped("v.txt")))
    vectors = Vectors("v.txt", url=address(server, "/v.zip"))
    assert len(vectors) == 2_000
    assert the_secrets_came(server, "/v.zip")
    assert len(server.log) == 2
    listener.check()


@pytest.mark.parametrize("name", ["cache", "verify", "list", "doctor"])
def test_the_commands_keep_it_to_themselves(
    server: Server, listener: Listener, own_cache: Path, name: str
) -> None:
    server.on("/v.zip", file(zipped("v.txt")))
    url = address(server, "/v.zip")
    assert cli.main(["--verbose", "download", "v.txt", "--url", url]) == 0
    held = [one for one in look(folders(None)) if one.source]
    assert held
    words = {"doctor": ["doctor", str(held[0].path)], "cache": ["cache", "--json"]}.get(name, [name])
    cli.main(words)
    listener.check()


def test_a_mirror_with_a_password_is_not_named_with_it(
    server: Server, listener: Listener, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHVECTORS_MIRROR", server.url("/m", user=USER))
    assert cli.main(["info", "glove.6B.50d"]) == 0
    server.on("/m/glove.6B.zip", Reply(status=403))
    monkeypatch.setenv("HTTPS_PROXY", server.url("", user=USER).replace("http:", "nonsense:"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert "/m/glove.6B.zip: it answered 403" in listener.error_of(lambda: acquire("glove.6B.50d"))
    listener.check()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404),
        Reply(status=503, headers={"Retry-After": "tok-secret"}),
        Reply(body=b"<!doctype html><title>pass-secret sig-secret /?token=tok-secret anna-secret</title>"),
        Reply(body=b"\x1f\x8b12", headers={"Content-Encoding": "gzip tok-secret"}),
        Reply(raw=b"HTTP/1.1 200 sig-secret\r\nno header: sig-secret\r\nbroken\r\n\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\n: sig-secret\r\n\r\n"),
        Reply(raw=b"sig-secret pass-secret\r\n\r\n"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\nX: sig-secret\r\n\r\nhello"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsig-secret\r\n"),
        Reply(raw=b"", then="reset"),
        redirect("ftp://x-secret:y-secret@host.invalid/?token=z-secret"),
        redirect("https://x-secret:y-secret@[::1/?token=z-secret"),
        redirect("//x-secret:y-secret@127.0.0.1:1/?token=z-secret"),
    ],
    ids=lambda reply: str(reply.status),
)
def test_what_a_server_repeats_is_not_repeated(
    server: Server, listener: Listener, reply: Reply, own_cache: Path
) -> None:
    url = server.on("/v.zip", reply) and address(server, "/v.zip")
    text = listener.error_of(lambda: fetch([url], own_cache / "v.zip", policy=Policy(attempts=2, backoff=0)))
    assert f"{server.url('/v.zip')}?X-Amz-Signature=…&token=…&id=7: " in text
    listener.check()


def test_no_library_below_logs_it_where_somebody_listens_to_everything(
    server: Server, listener: Listener, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nno header\r\n\r\nbody")
    server.on("/v.txt", odd)
    fetch([address(server, "/v.txt")], own_cache / "v.txt")
    logging.getLogger("urllib3.connectionpool").debug("somebody else's line")
    assert "somebody else's line" in caplog.text
    listener.check()


@pytest.mark.parametrize("path", ["/v.txt", "/", "/v.zip/.."])
def test_utils_name_no_file_after_it(server: Server, listener: Listener, own_cache: Path, path: str) -> None:
    server.on("/v.txt", file(TEXT))
    url = address(server, path)
    if path == "/v.txt":
        got = utils.download_from_url(url, root=own_cache / "data")
        assert Path(got) == own_cache / "data" / "v.txt"
        assert Path(utils.get_asset_local_path(url)).read_bytes() == TEXT
    else:
        listener.error_of(lambda: utils.download_from_url(url, root=own_cache))
        listener.error_of(lambda: utils.get_asset_local_path(url))
    listener.check()


def test_vectors_are_not_named_after_it(server: Server, listener: Listener, own_cache: Path) -> None:
    server.on("/wiki.xx.vec", file(TEXT))
    url = address(server, "/wiki.xx.vec")
    assert len(FastText("xx", url=url)) == 2_000
    assert len(Vectors(url, url=url)) == 2_000
    assert "name the file, too: Vectors('wiki.xx.vec'" in listener.error_of(lambda: Vectors(url))
    listener.error_of(lambda: Vectors("", url=url))
    listener.error_of(lambda: Vectors("absent.txt", url=address(server, "/gone/v.zip")))
    listener.error_of(lambda: Vectors("v.txt", url=url, checksum="sha256:" + "0" * 64))
    listener.check()


def test_a_bar_is_not_labelled_with_it(server: Server, listener: Listener, own_cache: Path) -> None:
    server.on("/v.txt", file(TEXT))

    def shown_bar(title: str) -> object:
        return bar(title, show=True)

    acquire("v.txt", url=address(server, "/v.txt"), bars=shown_bar)  # type: ignore[arg-type]  # a context, as asked
    listener.check()


def test_offline_it_is_not_told_either(
    server: Server, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    url = address(server, "/v.zip")
    listener.error_of(lambda: Vectors("v.txt", url=url))
    listener.error_of(lambda: utils.get_asset_local_path(url))
    assert cli.main(["download", "v.txt", "--url", url]) == 1
    listener.check()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://anna:p/a?s#s@host/x", "(a URL that cannot be read)"),
        ("https://token@host/x", "https://host/x"),
        ("https://host/x;session=abc/y;z?q=1&id=2&flag", "https://host/x;session=…/y;z?q=…&id=2&…"),
        ("https://host/x#access_token=1", "https://host/x"),
        ("mailto:anna@host?x#y", "host"),
        ("https://host:port/x", "(a URL that cannot be read)"),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_what_is_said_of_a_url_is_said_without_its_secrets() -> None:
    url = "https://anna:s%40crets@host/x?token=hush+hush&id=7&ab=x"
    text = "anna said s@crets and s%40crets, hush hush, hush+hush, 7 and x"
    assert unsaid(text, url) == "… said … and …, …, …, 7 and x"
    assert unsaid(text, "http://[") == text


def test_a_title_is_quoted_without_what_may_be_a_key() -> None:
    page = b"<html><title>403 for /a/b?sig=1 0123456789abcdef0123456789abcdef no access</title>"
    assert posing(page) == "an HTML page ('403 for … … no access')"


# What opens no socket

GUARD = """
import os, sys, warnings
def no_socket(event, arguments):
    if event.startswith("socket."):
        sys.stderr.write(f"{event} {arguments}\\n")
        os._exit(3)
sys.addaudithook(no_socket)
import socket
class Refused(socket.socket):
    def __init__(self, *arguments, **options):
        raise AssertionError("a socket")
socket.socket = socket.SocketType = Refused
"""

DOORS = """
from torchvectors import GloVe, FastText, Vectors, cli, utils
from torchvectors.datasets import AG_NEWS
from torchvectors.errors import OfflineError
url = "http://127.0.0.1:9/v.zip"
calls = {
    "GloVe": lambda: GloVe("6B", 50),
    "FastText": lambda: FastText("xx", url=url),
    "FastText by language": lambda: FastText("en"),
    "Vectors by name": lambda: Vectors("glove.6B.100d"),
    "Vectors by URL": lambda: Vectors("v.txt", url=url),
    "a data set": lambda: next(iter(AG_NEWS(split="train"))),
    "utils": lambda: utils.download_from_url(url),
    "utils, an asset": lambda: utils.get_asset_local_path(url),
}
for name, call in calls.items():
    try:
        call()
    except OfflineError:
        pass
    else:
        raise AssertionError(name)
for words, code in (
    (["download", "glove.6B.50d"], 1),
    (["download", "v.txt", "--url", url], 1),
    (["download", "AG_NEWS"], 1),
    (["demo", "--quick", "--vectors", "glove.6B.50d"], 1),
    (["info", "glove.6B.50d"], 0),
    (["info", "AG_NEWS"], 0),
    (["list"], 0),
    (["list", "datasets"], 0),
    (["verify"], 0),
    (["cache"], 0),
    (["cache", "prune"], 0),
):
    assert cli.main(words) == code, words
"""

WITHOUT_ASKING = """
from torchvectors import GloVe, Vectors, cli
assert len(GloVe("sample")) > 1000
mine = Vectors("mine.txt")
assert len(Vectors("mine.txt")) == len(mine) == 2000
import pickle
assert len(pickle.loads(pickle.dumps(mine))) == 2000
fetched = Vectors("v.txt", url=sys.argv[1])
assert len(fetched) == 2000
for words in (["list"], ["verify"], ["cache"], ["download", "sample"]):
    assert cli.main(words) == 0, words
"""


def run(program: str, folder: Path, cache: Path, *words: str, **environment: str) -> None:
    (folder / "program.py").write_text(GUARD + program)
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "TORCHVECTORS_HOME": str(cache)}
    ran = subprocess.run(
        [sys.executable, "program.py", *words],
        check=False,
        cwd=folder,
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_offline_no_door_opens_a_socket(tmp_path: Path, own_cache: Path) -> None:
    run(DOORS, tmp_path, own_cache, TORCHVECTORS_OFFLINE="1")


def test_what_is_here_is_opened_without_a_socket(server: Server, tmp_path: Path, own_cache: Path) -> None:
    url = server.on("/v.zip", file(zipped("v.txt")))
    Vectors("v.txt", url=url)
    own_cache.joinpath("mine.txt").write_bytes(TEXT)
    server.log.clear()
    run(WITHOUT_ASKING, tmp_path, own_cache, url)
    assert server.log == []


@pytest.mark.slow
def test_the_demo_opens_no_socket(tmp_path: Path, own_cache: Path) -> None:
    run("from torchvectors import cli\nassert cli.main(['demo', '--quick']) == 0\n", tmp_path, own_cache)


@pytest.mark.slow
def test_the_guard_itself_finds_a_socket(tmp_path: Path, own_cache: Path) -> None:
    program = "from torchvectors import Vectors\nVectors('v.txt', url='http://127.0.0.1:9/v.zip')\n"
    with pytest.raises(AssertionError, match="socket"):
        run(program, tmp_path, own_cache)
