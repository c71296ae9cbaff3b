"""Who is believed and who is told: certificates, redirects, proxies and passwords, with real servers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from authority import Authority
from faults import ARCHIVE, MOMENTS, came_right, names_of
from servers import Reply, Script, Seen, Server, file, redirect

from torchvectors.download import Policy
from torchvectors.errors import DownloadError

ONCE = Policy(backoff=0, attempts=1, read_timeout=20)
every_moment = pytest.mark.parametrize("moment", ["whole", "directory"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep this machine's settings out; what is written here is the user's ``.netrc``."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)
    path = tmp_path / "netrc"
    path.write_text("")
    monkeypatch.setenv("NETRC", str(path))
    return path


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir()
    return path


def basic(user: str) -> str:
    return f"Basic {base64.b64encode(user.encode()).decode()}"


def with_password(user: str) -> Script:
    """Serve the archive to whoever says this, and to nobody else."""

    def script(seen: Seen) -> Reply:
        return file(ARCHIVE)(seen) if seen.headers["Authorization"] == basic(user) else Reply(status=401)

    return script


# Certificates


@every_moment
def test_a_server_whose_authority_is_named_is_believed(
    authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with Server(tls=authority.signed()) as server:
        url = server.on("/v.zip", file(ARCHIVE))
        with pytest.raises(DownloadError, match=r"its certificate was not accepted \(.*issuer certificate\)"):
            MOMENTS[moment].get([url], folder, ONCE)
        assert server.log == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
        assert came_right(MOMENTS[moment], [url], folder, ONCE)


@every_moment
@pytest.mark.parametrize(
    ("name", "years", "said"),
    [
        ("IP:127.0.0.1", "2020 2021", "certificate has expired"),
        ("IP:127.0.0.1", "2098 2099", "certificate is not yet valid"),
        ("IP:127.0.0.2", "2020 2099", "(IP address mismatch|it is another host's)"),
        ("DNS:elsewhere.invalid", "2020 2099", "(IP address mismatch|it is another host's)"),
    ],
    ids=["expired", "too early", "another address", "another name"],
)
def test_a_certificate_that_is_not_good_is_refused_and_the_next_url_asked(
    authority: Authority,
    server: Server,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
    name: str,
    years: str,
    said: str,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with Server(tls=authority.signed(name, years=years)) as impostor:
        url = impostor.on("/v.zip", file(ARCHIVE))
        with pytest.raises(DownloadError, match=rf"its certificate was not accepted \(.*{said}"):
            MOMENTS[moment].get([url], folder, ONCE)
        assert names_of(folder) == set()
        assert came_right(MOMENTS[moment], [url, server.on("/v.zip", file(ARCHIVE))], folder, ONCE)
        assert impostor.log == []


def test_no_setting_of_the_environment_turns_verification_off(
    authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONHTTPSVERIFY", "CURL_INSECURE", "GIT_SSL_NO_VERIFY", "NODE_TLS_REJECT_UNAUTHORIZED"):
        monkeypatch.setenv(name, "0" if name != "GIT_SSL_NO_VERIFY" else "1")
    with Server(tls=authority.signed()) as server, pytest.raises(DownloadError, match="was not accepted"):
        MOMENTS["whole"].get([server.on("/v.zip", file(ARCHIVE))], folder, ONCE)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_bundle_that_is_none_is_an_error_of_ours(
    authority: Authority,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with (
        Server(tls=authority.signed()) as server,
        pytest.raises(DownloadError, match=r"certificate|no connection"),
    ):
        MOMENTS["whole"].get([server.on("/v.zip", file(ARCHIVE))], folder, ONCE)


def test_https_to_a_server_that_does_not_speak_it_is_an_error(server: Server, folder: Path) -> None:
    url = server.on("/v.zip", file(ARCHIVE)).replace("http:", "https:")
    with pytest.raises(DownloadError, match="no connection, or none that lasted"):
        MOMENTS["whole"].get([url], folder, ONCE)


# Redirects


@every_moment
def test_a_redirect_may_add_encryption_and_never_take_it_away(
    authority: Authority, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    with Server(tls=authority.signed()) as safe:
        down = safe.on("/down", redirect(server.on("/v.zip", file(ARCHIVE)) + "?token=hush"))
        with pytest.raises(DownloadError, match=r"/v\.zip\?token=…, without encryption"):
            MOMENTS[moment].get([down], folder, ONCE)
        assert server.log == []
        up = server.on("/up", redirect(safe.on("/v.zip", file(ARCHIVE))))
        assert came_right(MOMENTS[moment], [up], folder, ONCE)


@every_moment
def test_another_host_is_told_no_password(server: Server, folder: Path, moment: str, netrc: Path) -> None:
    netrc.write_text("machine localhost login no password no\n")
    with Server() as stranger:
        there = stranger.on("/v.zip", file(ARCHIVE))
        server.on("/a", redirect(there))
        assert came_right(MOMENTS[moment], [server.url("/a", user="anna:s3cret")], folder, ONCE)
        assert {seen.headers["Authorization"] for seen in server.log} == {basic("anna:s3cret")}
        for seen in stranger.log:
            assert {seen.headers[name] for name in ("Authorization", "Cookie", "Referer")} == {None}


@every_moment
def test_the_same_host_is_told_the_password_again(server: Server, folder: Path, moment: str) -> None:
    server.on("/a", redirect("/v.zip"))
    server.on("/v.zip", with_password("anna:s3cret"))
    assert came_right(MOMENTS[moment], [server.url("/a", user="anna:s3cret")], folder, ONCE)


# .netrc and proxies, as requests has them


@every_moment
def test_the_users_netrc_is_asked_for_a_password(
    server: Server, folder: Path, netrc: Path, moment: str
) -> None:
    url = server.on("/v.zip", with_password("anna:s3cret"))
    with pytest.raises(DownloadError, match="answered 401"):
        MOMENTS[moment].get([url], folder, ONCE)
    netrc.write_text("machine 127.0.0.1 login anna password s3cret\n")
    netrc.chmod(0o600)
    assert came_right(MOMENTS[moment], [url], folder, ONCE)


@every_moment
def test_a_proxy_of_the_environment_is_asked(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url("", user="pia:pr0xy"))
    server.on("/v.zip", file(ARCHIVE, cut=60_000), file(ARCHIVE))
    assert came_right(MOMENTS[moment], ["http://files.invalid/v.zip"], folder, Policy(backoff=0))
    assert {seen.path for seen in server.log} == {"http://files.invalid/v.zip"}
    assert {seen.headers["Proxy-Authorization"] for seen in server.log} == {basic("pia:pr0xy")}
    assert {seen.headers["Authorization"] for seen in server.log} == {None}


@every_moment
def test_a_proxys_tunnel_is_verified_to_its_end_and_told_nothing(
    authority: Authority, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url("", user="pia:pr0xy"))
    with Server(tls=authority.signed("DNS:files.invalid")) as there:
        there.on("/v.zip", with_password("anna:s3cret"))
        port = there.url("").rpartition(":")[2]
        url = f"https://anna:s3cret@files.invalid:{port}/v.zip?token=hush"
        with pytest.raises(DownloadError, match="its certificate was not accepted"):
            MOMENTS[moment].get([url], folder, ONCE)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
        assert came_right(MOMENTS[moment], [url], folder, ONCE)
        assert {seen.headers["Proxy-Authorization"] for seen in there.log} == {None}
    assert {seen.method for seen in server.log} == {"CONNECT"}
    assert {seen.path for seen in server.log} == {f"files.invalid:{port}"}
    assert {seen.headers["Authorization"] for seen in server.log} == {None}


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("http://pia:pr0xy@127.0.0.1:9", "proxy"),
        ("socks5://pia:pr0xy@127.0.0.1:9", "SOCKS|no connection"),
        ("nonsense://pia:pr0xy@127.0.0.1:9", "proxy"),
        ("http://", "proxy"),
    ],
)
def test_a_proxy_that_does_not_work_is_named_and_not_its_password(
    folder: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, said: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(DownloadError, match=rf"files\.invalid/v\.zip: .*({said})") as caught:
        MOMENTS["whole"].get(["http://files.invalid/v.zip"], folder, ONCE)
    assert "pr0xy" not in str(caught.value)


def test_a_proxy_that_trickles_is_given_up(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url(""))
    server.on("/v.zip", Reply(raw=b"HTTP/1.1 200 OK\r\nX: ", then="trickle"))
    policy = Policy(backoff=0, attempts=1, slow_for=0.1, slowest=1e5)
    with pytest.raises(DownloadError, match=r"only [0-9]+ bytes came in"):
        MOMENTS["whole"].get(["http://files.invalid/v.zip"], folder, policy)
