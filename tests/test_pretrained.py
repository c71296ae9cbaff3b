"""torchtext's families by name, from files in the cache folder and from a loopback server; nothing else is asked."""

from __future__ import annotations

import io
import pickle
import re
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, file

from torchvectors import catalog
from torchvectors.acquire.wanted import of_entry
from torchvectors.errors import NotFoundError, OfflineError, UnknownDimError, UnknownNameError
from torchvectors.pretrained import CharNGram, FastText, GloVe, Word2Vec, pretrained_aliases
from torchvectors.vectors import Normal, Vectors

NOT_THE_PUBLISHED = "is not the published file"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a cache folder, and let nothing else be asked."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("TORCHVECTORS_HOME", str(home))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.delenv("TORCHVECTORS_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


def text(*tokens: str, dim: int) -> bytes:
    """Return rows of which the first is 0 0 …, the second 1 1 …"""
    return "".join(f"{token}{f' {row}' * dim}\n" for row, token in enumerate(tokens)).encode()


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


# By name, from what the user has


@pytest.mark.parametrize("dim", [50, "50"])
def test_a_glove_text_in_the_cache_folder_is_used(home: Path, dim: int | str) -> None:
    (home / "glove.6B.50d.txt").write_bytes(text("the", "of", dim=50))
    with pytest.warns(UserWarning, match=NOT_THE_PUBLISHED):
        vectors = GloVe("6B", dim)
    assert (vectors.itos, vectors.dim) == (["the", "of"], 50)
    assert GloVe(name="6B", dim=dim)["of"].tolist() == [1] * 50  # the store: nothing is left to warn of
    assert isinstance(vectors, Vectors)


def test_a_glove_archive_in_the_cache_folder_is_used(home: Path) -> None:
    (home / "glove.6B.zip").write_bytes(zipped("glove.6B.100d.txt", text("the", "of", dim=100)))
    with pytest.warns(UserWarning, match=NOT_THE_PUBLISHED):
        assert GloVe("6B", 100).itos == ["the", "of"]
    assert GloVe("6B", 100, max_vectors=1).itos == ["the"]


def test_glove_takes_what_vectors_take(home: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "glove.840B.300d.txt").write_bytes(text("the", "of", dim=300))
    noise = Normal(seed=3)
    with pytest.warns(UserWarning, match=NOT_THE_PUBLISHED):
        vectors = GloVe(cache=elsewhere, unk_init=noise)  # 840B at 300 is the default, as in torchtext
    assert torch.equal(vectors["dog"], noise.rows(["dog"], 300)[0])
    assert list(home.iterdir()) == []


def test_a_fasttext_text_in_the_cache_folder_is_used(home: Path) -> None:
    rows = b"".join(line + b" \n" for line in text("the", "</s>", dim=300).splitlines())
    (home / "wiki.simple.vec").write_bytes(b"2 300\n" + rows)
    with pytest.warns(UserWarning, match=NOT_THE_PUBLISHED):
        vectors = FastText("simple")
    assert (vectors.itos, vectors.dim) == (["the", "</s>"], 300)
    assert pretrained_aliases["fasttext.simple.300d"]()["</s>"].tolist() == [1] * 300


@pytest.mark.parametrize("packed", [True, False])
def test_a_charngram_file_in_the_cache_folder_is_used(home: Path, packed: bool) -> None:
    content = text("1gram-c", "2gram-ca", "3gram-#BEGIN#ca", dim=100)
    if packed:
        archive = tarred("jmt_pre-trained_embeddings/charNgram.txt", content)
        (home / "jmt_pre-trained_embeddings.tar.gz").write_bytes(archive)
    else:
        (home / "charNgram.txt").write_bytes(content)
    vectors = CharNGram()
    assert vectors["cat"].shape == (1, 100)
    assert vectors["cat"][0, 0] == 1.5
    assert len(pickle.dumps(vectors)) < 2_000
    assert torch.equal(pickle.loads(pickle.dumps(vectors))["cat"], vectors["cat"])
    assert pretrained_aliases["charngram.100d"]().itos == vectors.itos


@pytest.mark.parametrize(
    ("source", "name"),
    [("wiki", "wiki.de.vec"), ("crawl", "cc.de.300.vec"), ("aligned", "wiki.de.align.vec")],
)
def test_a_fasttext_source_is_chosen(home: Path, source: str, name: str) -> None:
    (home / name).write_bytes(b"1 300\n" + text("the", "das", dim=300))
    with pytest.warns(UserWarning, match=NOT_THE_PUBLISHED) if source == "wiki" else nullcontext():
        assert FastText("de", source=source).itos == ["the", "das"]


# By name, and not to be had


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: FastText("en", subwords=True), "wiki.en.bin"),
        (lambda: FastText("de", source="crawl", subwords=True), "cc.de.300.bin"),
        (lambda: FastText("de", source="muse"), "wiki.multi.de"),
        (lambda: Word2Vec("GoogleNews"), "GoogleNews-vectors-negative300"),
        (Word2Vec, "GoogleNews-vectors-negative300"),
        (lambda: Vectors("paragram_300_ws353"), "paragram_300_ws353"),
    ],
)
def test_each_way_in_leads_to_its_name(make: Any, name: str) -> None:
    with pytest.raises(OfflineError, match=rf"torchvectors download {re.escape(name)}$"):
        make()


def test_what_a_mirror_has_bears_the_files_name_and_not_the_addresss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_MIRROR", "http://127.0.0.1:9/mirror")
    urls = of_entry(catalog.find("paragram_300_ws353")).urls
    assert urls[0] == "http://127.0.0.1:9/mirror/paragram_300_ws353.zip"
    assert urls[1].startswith("https://drive.google.com/uc?")


@pytest.mark.parametrize(
    ("make", "kinds", "said"),
    [
        (lambda: GloVe("7B"), (KeyError, ValueError), "Choose from .*42B, 6B, 840B, twitter.27B"),
        (lambda: GloVe("6b", 50), (KeyError, ValueError), "Choose from"),
        (lambda: FastText("xx"), (KeyError, ValueError), "'xx'.* lack this language"),
        (lambda: FastText("german"), (KeyError, ValueError), "'de'"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_answered_with_those_that_are(
    home: Path, make: Any, kinds: tuple[type[Exception], ...], said: str
) -> None:
    with pytest.raises(UnknownNameError, match=said) as caught:
        make()
    assert all(isinstance(caught.value, kind) for kind in kinds)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "dim", "said"),
    [
        ("6B", 51, r"dim 51\. Choose from 50, 100, 200, 300\."),
        ("twitter.27B", 300, r"dim 300\. Choose from 25, 50, 100, 200\."),
        ("sample", 100, r"dim 50, not 100"),
    ],
)
def test_a_dim_that_is_not_there_is_answered_with_those_that_are(name: str, dim: int, said: str) -> None:
    with pytest.raises(UnknownDimError, match=said) as caught:
        GloVe(name, dim)
    assert isinstance(caught.value, RuntimeError)  # as in torchtext, after the download


def test_offline_the_command_that_fetches_it_is_named() -> None:
    with pytest.raises(OfflineError, match=r"torchvectors download glove\.6B\.50d"):
        GloVe("6B", 50)


def test_charngram_says_where_to_put_the_file_that_nobody_gives_any_more(home: Path) -> None:
    with pytest.raises(NotFoundError, match=r"put it at .*home.jmt_pre-trained_embeddings\.tar\.gz"):
        CharNGram()


def test_a_mirror_may_have_what_its_publisher_has_not(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHVECTORS_MIRROR", server.url("/mirror"))
    body = tarred("charNgram.txt", text("2gram-ca", "2gram-at", dim=100))
    server.on("/mirror/jmt_pre-trained_embeddings.tar.gz", file(body))
    assert CharNGram()["cat"][0, 0] == 0.5
    assert CharNGram()["at"][0, 0] == 1
    assert len(server.log) == 1


# The addresses that programs change


def test_a_changed_glove_url_is_honoured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.on("/mine.zip", file(zipped("glove.6B.50d.txt", text("the", "mine", dim=50))))
    monkeypatch.setitem(GloVe.url, "6B", server.url("/mine.zip"))
    assert GloVe("6B", 50).itos == ["the", "mine"]
    assert [seen.path for seen in server.log] == ["/mine.zip"]


def test_a_subclass_with_urls_of_its_own_is_honoured(server: Server) -> None:
    class Mine(GloVe):
        url: ClassVar[dict[str, str]] = {"tiny": server.url("/tiny.zip")}

    server.on("/tiny.zip", file(zipped("glove.tiny.7d.txt", text("the", dim=7))))
    assert Mine("tiny", 7).dim == 7
    assert "tiny" not in GloVe.url


@pytest.mark.parametrize("changed", ["class", "subclass"])
def test_a_changed_fasttext_address_is_honoured(
    server: Server, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    server.on("/my.xx.vec", file(b"1 3\n" + text("the", dim=3)))
    address = server.url("/my.{}.vec")
    if changed == "class":
        monkeypatch.setattr(FastText, "url_base", address)
        assert FastText("xx").itos == ["the"]
    else:
        mine = type("Mine", (FastText,), {"url_base": address})
        assert mine(language="xx").itos == ["the"]


@pytest.mark.parametrize("changed", ["name", "url"])
def test_a_changed_charngram_file_is_honoured(home: Path, server: Server, changed: str) -> None:
    content = text("2gram-ca", "2gram-at", dim=4)
    if changed == "url":
        address = server.on("/x.tar.gz", file(tarred("charNgram.txt", content)))
        mine = type("Mine", (CharNGram,), {"url": address})
    else:
        mine = type("Mine", (CharNGram,), {"name": "mine.txt"})
        (home / "mine.txt").write_bytes(content)
    assert mine()["cat"].tolist() == [[0.5] * 4]


def test_an_address_may_be_given_each_time(server: Server) -> None:
    server.on("/g.zip", file(zipped("glove.6B.50d.txt", text("the", dim=50))))
    assert GloVe("6B", 50, url=server.url("/g.zip")).itos == ["the"]
    server.on("/my.vec", file(b"1 3\n" + text("a", dim=3)))
    assert FastText("en", url=server.url("/my.vec")).itos == ["a"]
    server.on("/c.txt", file(text("2gram-ca", dim=3)))
    assert CharNGram(url=server.url("/c.txt"))["ca"].tolist() == [[0] * 3]


# CharNGram's rule

CHARACTERS = st.sampled_from("abé猫")
TOKENS = st.text(CHARACTERS, max_size=12) | st.just("<unk>")


def all_ngrams(token: str) -> list[str]:
    characters = ["#BEGIN#", *token, "#END#"]
    return [
        f"{n}gram-{''.join(characters[start : start + n])}"
        for n in (2, 3, 4)
        for start in range(len(characters) - n + 1)
    ]


@given(
    known=st.lists(TOKENS, max_size=3),
    share=st.integers(1, 4),
    tokens=st.lists(TOKENS, max_size=4),
    seed=st.integers(0, 9),
)
def test_every_token_gets_the_mean_of_its_ngrams_bit_for_bit(
    known: list[str], share: int, tokens: list[str], seed: int
) -> None:
    keys = list(dict.fromkeys(gram for token in known for gram in all_ngrams(token)))[::share]
    matrix = torch.randn(len(keys), 5, generator=torch.Generator().manual_seed(seed))
    vectors = CharNGram.from_tensor(keys, matrix, unk_init=lambda tensor: tensor + 7)
    for token in tokens:
        total, n = torch.zeros(1, 5), 0
        for gram in all_ngrams(token):
            if gram in keys:
                total += matrix[keys.index(gram)]
                n += 1
        found = n > 0 and token != "<unk>"
        expected = total / n if found else torch.full((1, 5), 7.0)
        assert torch.equal(vectors[token], expected)
        assert torch.equal(vectors.get_vecs_by_tokens(token), expected)
        assert bool(vectors.compose([token])[0][0]) is found
        assert token not in vectors  # its n-grams are, as in torchtext
    assert vectors.get_vecs_by_tokens([*tokens, "a"]).shape == (len(tokens) + 1, 1, 5)


@pytest.mark.parametrize("how", ["zeros", "mean", Normal()])
def test_a_token_without_ngrams_gets_what_unknown_tokens_get(how: Any) -> None:
    vectors = CharNGram.from_tensor(["2gram-ab"], torch.tensor([[1.0, 2.0]]), unk_init=how)
    assert vectors["zz"].shape == (1, 2)
    expected = (
        {"zeros": [0, 0], "mean": [1, 2]}.get(how)
        if isinstance(how, str)
        else how.rows(["zz"], 2)[0].tolist()
    )
    assert vectors["zz"][0].tolist() == expected
    assert torch.equal(vectors.get_vecs_by_tokens(["zz", "ab"]), torch.stack([vectors["zz"], vectors["ab"]]))


def test_a_vector_of_ngrams_is_a_new_one() -> None:
    vectors = CharNGram.from_tensor(["2gram-ab"], torch.tensor([[1.0, 2.0]]))
    vectors["ab"].zero_()
    assert vectors["ab"].tolist() == [[1, 2]]


def test_what_is_no_token_has_no_ngrams() -> None:
    vectors: Any = CharNGram.from_tensor(["2gram-ab"], torch.tensor([[1.0, 2.0]]))
    with pytest.raises(TypeError):
        vectors[3]
    with pytest.raises(TypeError):
        vectors.get_vecs_by_tokens(["ab", 3])
