"""The catalog: what a record may say, what the package's records do say, names, and the program that makes them."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import zlib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torchvectors import catalog
from torchvectors.catalog import Archive, Digest, Entry, Member, lookup, make, records, strongest
from torchvectors.errors import UnknownDimError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

FACTS = Path(__file__).resolve().parents[2] / "shared" / "facts" / "catalog.json"

# The keys of torchtext 0.18's ``pretrained_aliases``, in its order.
TORCHTEXT = [
    "charngram.100d",
    "fasttext.en.300d",
    "fasttext.simple.300d",
    "glove.42B.300d",
    "glove.840B.300d",
    "glove.twitter.27B.25d",
    "glove.twitter.27B.50d",
    "glove.twitter.27B.100d",
    "glove.twitter.27B.200d",
    "glove.6B.50d",
    "glove.6B.100d",
    "glove.6B.200d",
    "glove.6B.300d",
]

NAMES = st.sampled_from(catalog.names())
ALGORITHMS = st.sampled_from(sorted(records.ALGORITHMS))


def every_entry() -> list[Entry]:
    return [catalog.find(name) for name in catalog.names()]


def digest_of(data: bytes, algorithm: str = "sha256", sources: int = 1) -> Digest:
    return Digest(algorithm=algorithm, value=hashlib.new(algorithm, data).hexdigest(), sources=sources)


# Digests


@given(algorithm=ALGORITHMS, data=st.binary(min_size=1))
def test_every_digest_survives_being_written_and_parsed(algorithm: str, data: bytes) -> None:
    digest = digest_of(data, algorithm)
    assert str(digest) == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    assert Digest.parse(str(digest)) == Digest.parse(f"  {str(digest).upper()}\n") == digest


@given(algorithm=st.sampled_from(["sha256", "sha1", "md5"]), data=st.binary())
def test_every_bare_digest_is_read_by_its_length(algorithm: str, data: bytes) -> None:
    digest = digest_of(data, algorithm)
    assert Digest.parse(digest.value) == Digest.parse(digest.value.upper()) == digest


@given(algorithm=ALGORITHMS, value=st.text("0123456789abcdefg -", max_size=130))
def test_every_value_that_is_not_hexadecimal_of_its_length_is_refused(algorithm: str, value: str) -> None:
    if len(value) == records.ALGORITHMS[algorithm] and not set(value) & set("g -"):
        return
    with pytest.raises(ValueError, match=rf"{algorithm} gives \d+ lower-case hex.*copy the whole"):
        Digest(algorithm=algorithm, value=value)


def test_the_algorithms_are_those_that_python_guarantees_and_that_have_one_length() -> None:
    lengths = {name: len(hashlib.new(name).hexdigest()) for name in records.ALGORITHMS}
    assert lengths == records.ALGORITHMS
    assert set(lengths) == {name for name in hashlib.algorithms_guaranteed if "shake" not in name}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("crc32:00000000", r"'crc32' is no digest algorithm known here: give one of sha512, .*, md5\."),
        ("shake_128:00", r"'shake_128' is no digest algorithm"),
        (":" + "0" * 64, r"'' is no digest algorithm"),
        (
            "0" * 128,
            r"64 \(sha256\), 40 \(sha1\), 32 \(md5\) characters, not 128\. Write \"algorithm:value\"",
        ),
        ("", r"''.*not 0"),
        ("md5:" + "0" * 31, r"md5 gives 32 .* not these 31: copy"),
        ("x" * 64, r"sha256 gives 64"),
    ],
)
def test_a_digest_that_cannot_be_one_is_refused_with_the_cure(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Digest.parse(text)


def test_where_a_digest_comes_from_does_not_change_what_it_is() -> None:
    assert digest_of(b"a", sources=1) == digest_of(b"a", sources=4)
    assert len({digest_of(b"a", sources=1), digest_of(b"a", sources=4)}) == 1
    with pytest.raises(ValueError, match="0 sources: leave out"):
        digest_of(b"a", sources=0)


def test_the_strongest_algorithm_decides_alone_and_with_every_value_it_has() -> None:
    first, second, weak = digest_of(b"a"), digest_of(b"b"), digest_of(b"a", "md5")
    assert strongest((weak, first, second)) == (first, second)
    assert strongest((weak,)) == (weak,)
    assert strongest(()) == ()


@given(st.permutations([digest_of(b"a", name) for name in records.ALGORITHMS]))
def test_every_order_of_digests_is_listed_by_strength(digests: list[Digest]) -> None:
    assert [one.algorithm for one in records.strongest_first(digests)] == list(records.ALGORITHMS)


# What a record may say


def a_member(**changes: Any) -> Member:
    return Member(**{"name": "a.vec", "dim": 2, **changes})


def an_archive(**changes: Any) -> Archive:
    usual = {
        "name": "a",
        "family": "f",
        "kind": "gz",
        "urls": ("https://x.org/a.gz",),
        "members": (a_member(),),
    }
    return Archive(**{**usual, **changes})


A, B = digest_of(b"a"), digest_of(b"b", "sha1")


@pytest.mark.parametrize(
    ("build", "changes", "message"),
    [
        (a_member, {"name": ""}, "needs its name"),
        (a_member, {"dim": 0}, r"a\.vec: dim 0: give None"),
        (a_member, {"ntokens": -1}, r"a\.vec: ntokens -1"),
        (a_member, {"nbytes": 0}, r"a\.vec: 0 bytes"),
        (a_member, {"digests": (digest_of(b""),)}, r"a\.vec: sha256:e3b0.* of an empty file: leave it out"),
        (a_member, {"digests": (digest_of(b"", "md5"),)}, "of an empty file"),
        (a_member, {"digests": (B, A)}, "the strongest algorithm first"),
        (a_member, {"digests": (A, A)}, "each digest once"),
        (a_member, {"strict": True}, "strict needs a digest"),
        (an_archive, {"kind": "rar"}, "a: 'rar' is no kind of archive: zip, gz, tar.gz, plain"),
        (an_archive, {"urls": ()}, "a: an archive needs a URL, alive or dead"),
        (an_archive, {"urls": ("ftp://x.org/a.gz",)}, "not the https or http address of a file"),
        (an_archive, {"urls": ("https://x.org/",)}, "not the https or http address of a file"),
        (an_archive, {"urls": ("https://x.org",)}, "not the https or http address of a file"),
        (an_archive, {"urls": ("https://x.org/a b.gz",)}, "not the https or http address of a file"),
        (an_archive, {"urls": ("https://x.org/a/..",)}, "not the https or http address of a file"),
        (an_archive, {"urls": ("https://x.org/a%2F..",)}, "not the https or http address of a file"),
        (an_archive, {"nbytes": -5}, "a: -5 bytes"),
        (an_archive, {"digests": (digest_of(b"", "sha1"),)}, "of an empty file"),
        (an_archive, {"members": (a_member(), a_member(name="b.vec"))}, "a gz file holds one file, not 2"),
        (an_archive, {"kind": "plain"}, "the one member of a plain file is that file itself"),
        (an_archive, {"kind": "plain", "members": ()}, "the one member of a plain file"),
    ],
)
def test_an_impossible_record_is_refused(build: Callable[..., object], changes: Any, message: str) -> None:
    build()
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_an_entry_names_a_member_of_its_archive() -> None:
    with pytest.raises(ValueError, match=r"n: a has no member b\.vec"):
        Entry(name="n", archive=an_archive(), member=a_member(name="b.vec"))


@pytest.mark.parametrize(
    ("url", "filename"),
    [
        ("https://x.org/a/b.zip", "b.zip"),
        ("https://x.org/b.zip?dl=1", "b.zip"),
        ("http://127.0.0.1:80/a%2Fb%2B.zip", "b+.zip"),
    ],
)
def test_a_file_is_called_what_its_url_ends_with_and_nothing_more(url: str, filename: str) -> None:
    assert an_archive(urls=(url, "https://x.org/other.zip")).filename == filename
    assert an_archive(urls=(), dead_urls=(url,)).filename == filename


def test_records_pickle_and_cannot_be_changed() -> None:
    entry = catalog.find("glove.6B.50d")
    assert pickle.loads(pickle.dumps(entry)) == entry
    for record, field in ((entry, "name"), (entry.archive, "urls"), (entry.member, "dim"), (A, "value")):
        with pytest.raises(AttributeError):
            setattr(record, field, None)


# What the package's records say


def test_every_live_url_is_https() -> None:
    urls = [url for entry in every_entry() for url in entry.archive.urls]
    assert {urlsplit(url).scheme for url in urls} == {"https"}


def test_every_archive_has_a_live_url_but_the_one_whose_host_is_gone() -> None:
    gone = [entry for entry in every_entry() if not entry.archive.urls]
    assert [entry.name for entry in gone] == ["charngram.jmt"]
    assert gone[0].archive.filename == "jmt_pre-trained_embeddings.tar.gz"
    assert gone[0].archive.dead_urls[0].startswith("http://www.logos.t.u-tokyo.ac.jp/")
    assert not any(entry.archive.dead_urls for entry in every_entry() if entry.archive.urls)


def test_every_entry_has_its_dim_and_stands_in_its_family() -> None:
    for entry in every_entry():
        assert entry.member.dim, entry.name
        assert entry.archive.family == lookup.family_of(entry.name), entry.name
        assert not entry.member.name.endswith((".ftz", ".h5")), entry.name
        assert entry.subwords == entry.name.endswith(".bin"), entry.name
    assert {entry.archive.family for entry in every_entry()} == set(lookup.FAMILIES)


def test_every_name_and_every_file_is_there_once() -> None:
    entries = every_entry()
    taken = [name.lower() for name in (*catalog.names(), *catalog.aliases)]
    assert len(taken) == len(set(taken))
    inside = {(entry.archive.filename, entry.member.name) for entry in entries}
    assert len(inside) == len(entries)


def test_every_digest_belongs_to_one_file() -> None:
    archives = {entry.archive.name: entry.archive for entry in every_entry()}.values()
    packed = [str(digest) for one in archives for digest in one.digests]
    unpacked = [
        str(digest) for e in every_entry() if e.archive.kind != "plain" for digest in e.member.digests
    ]
    assert len(packed + unpacked) == len(set(packed + unpacked)) > 480


def test_every_strict_promise_outside_glove_rests_on_two_sources() -> None:
    for entry in every_entry():
        for one in (entry.archive, entry.member):
            sources = max((digest.sources for digest in strongest(one.digests)), default=0)
            glove = entry.archive.family == "glove"
            assert one.strict == (glove or sources > 1), entry.name
            assert sources or not glove


def test_the_families_are_as_large_as_their_publishers_made_them() -> None:
    families = [entry.archive.family for entry in every_entry()]
    assert {family: families.count(family) for family in families} == {
        "charngram": 1,
        "fasttext-aligned": 44,
        "fasttext-crawl": 158,
        "fasttext-crawl-bin": 158,
        "fasttext-english": 6,
        "fasttext-wiki": 294,
        "fasttext-wiki-bin": 294,
        "gensim-data": 12,
        "glove": 10,
        "glove-2024": 5,
        "lexvec": 5,
        "muse": 30,
        "numberbatch": 8,
        "paragram": 2,
        "word2vec": 1,
    }


def test_glove_6b_50d_is_promised_as_it_was_published() -> None:
    entry = catalog.find("glove.6B.50d")
    assert entry.archive.kind == "zip"
    assert entry.archive.filename == "glove.6B.zip"
    assert entry.archive.nbytes == 862182613
    assert entry.archive.digests[0] == Digest.parse(
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb"
    )
    assert entry.archive.digests[0].sources == 4
    assert entry.archive.urls[0] == "https://huggingface.co/stanfordnlp/glove/resolve/main/glove.6B.zip"
    assert entry.archive.licence == "PDDL-1.0"
    assert entry.archive.strict
    assert entry.member.name == "glove.6B.50d.txt"
    assert (entry.member.dim, entry.member.ntokens, entry.member.nbytes) == (50, 400000, 171350079)
    assert [str(digest) for digest in entry.member.digests] == [
        "sha256:d8f717f8dd4b545cb7f418ef9f3d0c3e6e68a6f48b97d32f8b7aae40cb31f96f",
        "sha1:21bf566a9d27f84d253e0cd4d4be9dcc07976a6d",
        "md5:0fac3659c38a4c0e9432fe603de60b12",
    ]


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("glove.6B.100d", "95dde4dfd627ab26608d33e76d1195ec059734bd29089ea52cadb08d07c64544"),
        ("glove.6B.200d", "6ac2181bc3bc03dadee5772bc8f3d968cd6dc629d07304c1dd2ba4639e12de2c"),
        ("glove.6B.300d", "91125602f730fea7ca768736c6f442e668b49db095682bf2aad375db061c21ed"),
        ("glove.42B.300d", "876767977d6bd4d947c0f84d44510677bc94612a"),
        ("glove.840B.300d", "9641ef45628fd8c5c0bc555c8944f7bad7bce36ae7be3cafff0bb109fe60883e"),
        ("glove.twitter.27B.25d", "669c215344633180b53d91de0ccd18f6604b18471b3f4d8efe228d878ddf9244"),
        ("glove.twitter.27B.50d", "9585f4be97e286339bf0112d0d3aa7c15a3e864d"),
        ("glove.twitter.27B.100d", "1bbeab8323c72332bd46ada0fc3c99f2faaa8ca8"),
        ("glove.twitter.27B.200d", "7921c77a53aa5977b1d9ce3a7c4430cbd9d1207a"),
    ],
)
def test_each_other_glove_member_is_decided_by_its_published_digest(name: str, digest: str) -> None:
    entry = catalog.find(name)
    assert strongest(entry.member.digests) == (Digest.parse(digest),)
    assert entry.member.name == f"{name}.txt"
    assert entry.member.strict


def test_glove_comes_from_hugging_face_first_and_stanford_next() -> None:
    for entry in every_entry():
        if entry.archive.family == "glove":
            hosts = [urlsplit(url).hostname for url in entry.archive.urls]
            assert hosts[:4] == ["huggingface.co", *["nlp.stanford.edu"] * 2, "downloads.cs.stanford.edu"]


def test_a_conflict_between_published_digests_is_told() -> None:
    english = catalog.find("wiki.en")
    assert [str(digest) for digest in english.member.digests] == [
        "sha256:ba5420ac217fb34f15f58ded0d911a4370dfb1f3341fa7511a49ae74c87de282",
        "sha1:c1e418f144ceb332b4328d27addf508731fa87df",
    ]
    assert "f4d87723" in english.archive.notes[0]
    crawl = catalog.find("crawl-300d-2M")
    assert [digest.algorithm for digest in crawl.member.digests] == ["sha256"]
    assert "9b556504" in crawl.member.notes[0]


def test_a_plain_file_is_its_own_member() -> None:
    chinese = catalog.find("wiki.zh")
    assert chinese.archive.kind == "plain"
    assert chinese.member.name == chinese.archive.filename == "wiki.zh.vec"
    assert chinese.member.nbytes == chinese.archive.nbytes == 861327482
    assert chinese.member.digests == chinese.archive.digests
    assert chinese.member.strict
    assert chinese.archive.strict


def test_the_data_stays_small() -> None:
    data = files("torchvectors.catalog").joinpath("data")
    records = [file.read_bytes() for file in data.iterdir()]
    assert sum(map(len, records)) < 350_000
    assert sum(len(zlib.compress(one)) for one in records) < 80_000  # what they are in a wheel


# Names


@pytest.mark.parametrize("name", TORCHTEXT)
def test_each_name_that_torchtext_had_is_found(name: str) -> None:
    assert catalog.find(name).member.dim == int(name.rpartition(".")[2].removesuffix("d"))


def test_aliases_lead_to_names() -> None:
    assert catalog.find("fasttext.en.300d") is catalog.find("wiki.en")
    assert catalog.find("fasttext.simple.300d").archive.language_name == "Simple English"
    assert catalog.find("charngram.100d").name == "charngram.jmt"
    assert set(catalog.aliases.values()) <= set(catalog.names())
    assert not set(catalog.aliases) & set(catalog.names())


def test_names_are_sorted_and_each_is_found_under_itself() -> None:
    assert list(catalog.names()) == sorted(catalog.names())
    assert [entry.name for entry in every_entry()] == list(catalog.names())


@given(name=NAMES, extension=st.sampled_from([".txt", ".vec", ".zip", ".vec.gz", ".VEC", ".txt.pt"]))
def test_every_name_is_suggested_for_its_file_name(name: str, extension: str) -> None:
    if name + extension in catalog.names():  # Venetian Wikipedia: "wiki.vec"
        return
    with pytest.raises(UnknownNameError) as caught:
        catalog.find(name + extension)
    assert f"{name + extension!r}: the catalog has no vectors of this name. Did you mean {name!r}?" in str(
        caught.value
    )


@given(name=NAMES)
def test_every_name_is_suggested_for_itself_in_another_case(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean") as caught:
        catalog.find(name.swapcase())
    assert f"Did you mean {name!r}?" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("glove.6B", "'glove.6B.50d' or 'glove.6B.100d' or 'glove.6B.200d' or 'glove.6B.300d'?"),
        ("glove.6B.zip", "'glove.6B.50d' or 'glove.6B.100d'"),
        ("glove.840B.300", "'glove.840B.300d' or"),
        ("glove.tiwtter.27B.25d", "'glove.twitter.27B.25d' or"),
        ("cc.de", "'cc.de.300' or 'cc.de.300.bin'?"),
        ("fasttext.de.300d", "'wiki.de'?"),
        ("wiki.vec.vec", "'wiki.vec'?"),
        ("numberbatch-en", "'numberbatch-en-1"),
        ("GoogleNews", "'GoogleNews-vectors-negative300'?"),
        ("wiki.de.bim", "'wiki.de.bin' or"),
    ],
)
def test_a_near_miss_is_answered_with_the_nearest_names(name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalog.find(name)
    assert f"Did you mean {nearest}" in str(caught.value)


@pytest.mark.parametrize("name", ["", "xyzzy", "wiki", "glove", "a\nb"])
def test_a_name_with_nothing_near_is_answered_with_what_names_look_like(name: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalog.find(name)
    hint = 'Names look like "glove.6B.300d", "wiki.de" or "cc.de.300".'
    cure = f"{hint} `torchvectors list` shows all {len(catalog.names())}."
    assert str(caught.value) == f"{name!r}: the catalog has no vectors of this name. {cure}"


@given(name=st.text() | st.from_regex(r"\A(glove|wiki|cc|lexvec)\.[\w\n.+-]*\Z"))
@example("glove.(.50d")
@example("glove.[6B].50d")
def test_every_unknown_name_is_refused_in_one_line(name: str) -> None:
    if name in catalog.names() or name in catalog.aliases:
        return
    with pytest.raises((UnknownNameError, UnknownDimError)) as caught:
        catalog.find(name)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        ("glove.6B.150d", "50, 100, 200, 300"),
        ("glove.2024.wikigiga.25d", "50, 100, 200, 300"),
        ("glove.840B.50d", "300"),
        ("fasttext.en.100d", "300"),
        ("charngram.50d", "100"),
    ],
)
def test_a_name_with_a_dim_that_does_not_exist_is_answered_with_those_that_do(name: str, dims: str) -> None:
    with pytest.raises(UnknownDimError) as caught:
        catalog.find(name)
    dim = name.rpartition(".")[2].removesuffix("d")
    assert str(caught.value) == f"{name}: these vectors do not come in dim {dim}. Choose from {dims}."


def test_glove_takes_torchtexts_arguments() -> None:
    assert catalog.glove("6B", 300) is catalog.glove("6B", "300") is catalog.find("glove.6B.300d")
    assert catalog.glove("twitter.27B", 25).name == "glove.twitter.27B.25d"
    assert catalog.glove("2024.dolma", 300).name == "glove.2024.dolma.300d"


def test_glove_names_its_choices() -> None:
    six = "2024.dolma, 2024.wikigiga, 42B, 6B, 840B, twitter.27B"
    with pytest.raises(
        UnknownNameError, match=rf"'7B': there is no GloVe of this name\. Choose from {six}\."
    ):
        catalog.glove("7B", 300)
    for dim in (150, "150", "x", ""):
        with pytest.raises(
            UnknownDimError, match=rf"GloVe 6B: .* in dim {dim}\. Choose from 50, 100, 200, 300\."
        ):
            catalog.glove("6B", dim)


@pytest.mark.parametrize(
    ("source", "name"),
    [("wiki", "wiki.de"), ("crawl", "cc.de.300"), ("aligned", "wiki.de.align"), ("muse", "wiki.multi.de")],
)
def test_fasttext_takes_a_language_and_a_source(source: str, name: str) -> None:
    assert catalog.fasttext("de", source).name == name
    assert catalog.fasttext("de", source).archive.language == "de"


def test_fasttext_reads_wikipedia_when_no_source_is_given_as_torchtext_did() -> None:
    assert catalog.fasttext("en").name == "wiki.en"
    assert catalog.fasttext("vec").member.name == "wiki.vec.vec"


@pytest.mark.parametrize(
    ("language", "source", "cure"),
    [
        ("German", "wiki", "Did you mean 'de' (German)?"),
        ("EN", "wiki", "Did you mean 'en' (English)?"),
        ("zh-yue", "wiki", "Did you mean 'zh_yue' (Cantonese)?"),
        ("Tagalog", "crawl", "Did you mean 'tl' (Tagalog)?"),
        ("zh_yue", "crawl", "This language is in source 'wiki'."),
        ("ja", "aligned", "This language is in source 'wiki' or 'crawl'."),
        ("de.align", "wiki", "Give its code, such as"),
    ],
)
def test_an_unknown_language_is_answered_with_the_cure(language: str, source: str, cure: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        catalog.fasttext(language, source)
    assert f"{language!r}: fastText's {source!r} vectors lack this language. {cure}" in str(caught.value)


def test_an_unknown_source_is_answered_with_the_sources() -> None:
    with pytest.raises(UnknownNameError, match=r"'web': .* Choose from wiki, crawl, aligned, muse\."):
        catalog.fasttext("de", "web")
    with pytest.raises(UnknownNameError, match=r"'web': .* no such source\. Choose from wiki, crawl\."):
        catalog.fasttext("de", "web", subwords=True)
    with pytest.raises(UnknownNameError, match=r"'muse': .* no models with subwords .* wiki, crawl\."):
        catalog.fasttext("de", "muse", subwords=True)


@pytest.mark.parametrize(("source", "name"), [("wiki", "wiki.de.bin"), ("crawl", "cc.de.300.bin")])
def test_fasttext_has_models_with_subwords(source: str, name: str) -> None:
    assert catalog.fasttext("de", source, subwords=True).name == name
    assert catalog.fasttext("de", source, subwords=True).archive.language == "de"
    with pytest.raises(UnknownNameError, match=r"Did you mean 'de' \(German\)"):
        catalog.fasttext("German", source, subwords=True)


def test_word2vec_goes_by_its_corpus() -> None:
    assert catalog.word2vec("GoogleNews") is catalog.find("GoogleNews-vectors-negative300")
    assert catalog.word2vec("GoogleNews-vectors-negative300").member.ntokens == 3_000_000
    with pytest.raises(UnknownNameError, match="Choose from GoogleNews"):
        catalog.word2vec("BingNews")


# What is read when

WATCH = """
import sys
opened = []
def note(event, arguments):
    if event == "open" and "catalog" in str(arguments[0]) and str(arguments[0]).endswith(".json"):
        opened.append(str(arguments[0]).replace("\\\\", "/").rpartition("/")[2])
sys.addaudithook(note)
from torchvectors import catalog
"""


@pytest.mark.parametrize(
    ("doing", "opened"),
    [
        ("", []),
        (
            "catalog.find('wiki.en'); catalog.find('fasttext.en.300d'); catalog.fasttext('de')",
            ["fasttext-wiki"],
        ),
        ("catalog.find('wiki.multi.de')", ["muse"]),
        ("catalog.find('wiki.de.bin')", ["fasttext-wiki-bin"]),
        ("catalog.word2vec('GoogleNews')", ["word2vec"]),
        ("catalog.glove('6B', 50); catalog.glove('6B', 300)", ["glove"]),
        ("catalog.names(); catalog.names(); catalog.find('cc.de.300')", list(lookup.FAMILIES)),
    ],
)
def test_a_data_file_is_read_once_and_when_it_is_needed(doing: str, opened: list[str]) -> None:
    program = f"{WATCH}\n{doing}\nprint(*sorted(opened))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == sorted(f"{family}.json" for family in opened)


# The program that makes the data


def a_fact(**changes: Any) -> Any:
    usual = {
        "id": "glove.1B.2d",
        "family": "glove",
        "format": "zip",
        "urls": ["https://x.org/glove.1B.2d.zip"],
    }
    return {**usual, "members": [{"name": "glove.1B.2d.txt", "dim": 2}], **changes}


def checksum(data: bytes, algo: str = "sha256", sources: int = 1) -> dict[str, object]:
    return {"algo": algo, "value": hashlib.new(algo, data).hexdigest(), "sources": sources}


def made(**changes: Any) -> Archive:
    fact = a_fact(**changes)
    (archive,) = make.archives_of(fact["family"], [fact])
    return archive


@pytest.mark.skipif(not FACTS.exists(), reason="the published facts are kept beside the repository")
def test_the_packages_data_is_what_the_facts_make(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = make.data_files(json.loads(FACTS.read_text("utf-8"))["archives"])
    data = files("torchvectors.catalog").joinpath("data")
    assert {file.name: file.read_bytes() for file in data.iterdir()} == {
        name: text.encode() for name, text in wanted.items()
    }
    assert make.main([str(FACTS), "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_making_writes_what_checking_compares(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts, data = tmp_path / "facts.json", tmp_path / "data"
    facts.write_text(json.dumps({"archives": [a_fact()]}), "utf-8")
    assert make.main([str(facts), "--check", "--data", str(data)]) == 1
    assert '+{"name":"glove.1B.2d","kind":"zip"' in capsys.readouterr().out
    assert not data.exists()
    assert make.main([str(facts), "--data", str(data)]) == 0
    assert make.main([str(facts), "--check", "--data", str(data)]) == 0
    capsys.readouterr()
    (data / "gone.json").write_text("[]")
    facts.write_text(json.dumps({"archives": [a_fact(bytes=7)]}), "utf-8")
    assert make.main([str(facts), "--check", "--data", str(data)]) == 1
    assert "--- glove.json (is)" in capsys.readouterr().out
    assert (data / "gone.json").exists()
    assert make.main([str(facts), "--data", str(data)]) == 0
    assert sorted(path.stem for path in data.iterdir()) == sorted(lookup.FAMILIES)
    assert '"nbytes":7' in (data / "glove.json").read_text("utf-8")


def test_a_diff_of_the_data_shows_one_record_per_line() -> None:
    text = make.data_files([a_fact(), a_fact(id="glove.2B.2d")])["glove.json"]
    first, *lines, last = text.splitlines()
    assert (first, last) == ("[", "]")
    assert [json.loads(line.rstrip(","))["name"] for line in lines] == ["glove.1B.2d", "glove.2B.2d"]


def test_urls_are_put_in_order_and_dead_ones_left_out() -> None:
    dead, host = "https://dead.org/glove.1B.2d.zip", "huggingface.co"
    urls = [f"http://x.org/1.zip?{host}", "https://x.org/2.zip", "https://nlp.stanford.edu/3.zip", dead]
    archive = made(urls=urls, mirrors=[f"https://{host}/4.zip", urls[1]], dead=[dead])
    assert archive.urls == (f"https://{host}/4.zip", urls[2], urls[1], urls[0])
    assert archive.dead_urls == ()
    assert archive.notes == (f"Published without TLS: {urls[0]}",)


def test_a_dead_url_is_kept_only_where_no_other_is_known() -> None:
    archive = made(urls=[], dead=["http://dead.org/a.zip"])
    assert (archive.urls, archive.dead_urls) == ((), ("http://dead.org/a.zip",))


def test_a_bucket_that_answers_on_https_is_asked_on_https() -> None:
    archive = made(urls=["http://conceptnet.s3.amazonaws.com/a.zip"])
    assert archive.urls == ("https://conceptnet.s3.amazonaws.com/a.zip",)


@given(algorithm=ALGORITHMS)
def test_every_algorithms_digest_of_an_empty_file_is_left_out(algorithm: str) -> None:
    archive = made(checksums=[checksum(b"", algorithm), checksum(b"a", "md5")])
    assert archive.digests == (digest_of(b"a", "md5"),)


def test_digests_known_to_be_wrong_are_left_out_and_others_stand_side_by_side() -> None:
    wrong = {
        "algo": "sha256",
        "value": "f4d87723baad28804f89c0ecf74fd0f52ac2ae194c270cb4c89b0a84f0bcf53b",
        "sources": 1,
    }
    stated = [checksum(b"a", "sha1"), checksum(b"a"), wrong, checksum(b"b")]
    archive = made(id="wiki.en", family="fasttext-wiki", language="English", checksums=stated)
    assert archive.digests == (digest_of(b"a"), digest_of(b"b"), digest_of(b"a", "sha1"))
    assert str(made(checksums=[wrong]).digests[0]) == f"sha256:{wrong['value']}"  # right for another file


@pytest.mark.parametrize(
    ("family", "sources", "strict"),
    [("glove", 1, True), ("glove", 0, False), ("fasttext-wiki", 1, False), ("fasttext-wiki", 2, True)],
)
def test_one_source_is_hearsay_and_two_are_a_promise(family: str, sources: int, strict: bool) -> None:
    # The weaker algorithm's three sources do not make the stronger one's single source any better.
    stated = [checksum(b"a", sources=sources), checksum(b"a", "md5", sources=3)] if sources else []
    archive = made(family=family, checksums=stated, members=[{"name": "m.txt", "checksums": stated}])
    assert archive.strict == archive.members[0].strict == strict


def test_what_no_reader_understands_is_left_out_and_what_stands_elsewhere_is_named() -> None:
    both = [{"name": "a.vec", "dim": 2}, {"name": "a.bin", "dim": 2}]
    lexvec = made(family="lexvec", members=both)
    assert ([member.name for member in lexvec.members], lexvec.also) == (["a.vec"], ("a.bin",))
    wiki = made(id="a.zip", family="fasttext-wiki-bin", language="A_b", members=both)
    assert ([member.name for member in wiki.members], wiki.also) == (["a.bin"], ("a.vec",))
    assert (wiki.name, wiki.language, wiki.language_name) == ("a.bin", "a", "A-b")
    others = [
        a_fact(family="lexvec", members=both[1:]),
        a_fact(family="lexvec", members=[]),
        a_fact(family="lexvec", format="plain (.bin)"),
        a_fact(family="word2vec"),
    ]
    assert make.archives_of("lexvec", others) == ()


def test_a_model_and_its_text_in_one_archive_have_two_names() -> None:
    assert catalog.find("crawl-300d-2M-subword").member.name == "crawl-300d-2M-subword.vec"
    model = catalog.find("crawl-300d-2M-subword.bin")
    assert model.member.name == "crawl-300d-2M-subword.bin"
    assert model.archive is catalog.find("crawl-300d-2M-subword").archive or (
        model.archive == catalog.find("crawl-300d-2M-subword").archive
    )
    assert (catalog.find("wiki.de").subwords, catalog.find("wiki.de.bin").subwords) == (False, True)


def test_an_address_that_gives_another_file_is_told_and_not_asked() -> None:
    page = "https://huggingface.co/somebody/glove.1B.2d"
    archive = made(mirrors=[page])
    assert archive.urls == ("https://x.org/glove.1B.2d.zip",)
    assert archive.notes == (f"The same vectors as another file, or a page: {page}",)


def test_a_drive_address_gives_the_file_and_not_the_question_and_the_file_has_a_name() -> None:
    url = "https://drive.google.com/uc?id=abc&export=download"
    archive = made(family="paragram", id="paragram_x", format="zip (Google Drive)", urls=[url])
    assert archive.urls == ("https://drive.google.com/uc?export=download&confirm=t&id=abc",)
    assert archive.filename == "paragram_x.zip"


def test_an_id_that_is_a_file_name_loses_its_extension_and_a_language_does_not() -> None:
    crawl = a_fact(id="cc.vec.300.vec", members=[{"name": "cc.vec.300.vec"}])
    assert made(**crawl).name == "cc.vec.300"
    venetian = {
        "id": "wiki.vec",
        "family": "fasttext-wiki",
        "format": "plain (.vec text)",
        "language": "Ab_Cd",
    }
    archive = made(
        **venetian, urls=["https://x.org/wiki.vec.vec"], members=[{"name": "wiki.vec.vec"}], bytes=9
    )
    assert (archive.name, archive.language, archive.language_name) == ("wiki.vec", "vec", "Ab-Cd")
    assert archive.members[0].nbytes == 9


def test_a_licence_is_an_identifier_or_absent() -> None:
    assert made(licence="CC-BY-4.0").licence == "CC-BY-4.0"
    archive = made(licence="unstated for the vectors (training code MIT)")
    assert archive.licence is None
    assert archive.notes == ("No licence is stated for the vectors.",)


def test_a_name_that_lookup_would_not_find_is_refused() -> None:
    with pytest.raises(ValueError, match=r"golve\.1B: correct the pattern of 'glove' in lookup\.FAMILIES"):
        make.data_files([a_fact(id="golve.1B")])


def test_the_program_runs_from_the_command_line(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"archives": [a_fact()]}), "utf-8")
    program = [sys.executable, "-W", "error", "-m", "torchvectors.catalog.make"]
    command = [*program, str(facts), "--check", "--data", str(tmp_path / "data")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (1, "")
    assert "+++ glove.json (should be)" in run.stdout
