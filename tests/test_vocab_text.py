"""Text files with a token a line: every vocabulary that can stand in one comes back, and every other is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchvectors import Vocab
from torchvectors.errors import CacheError, ParseError, TorchVectorsError, VocabError

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# Without these, a reader that splits at any line end or strips its lines would pass.
AWKWARD = st.sampled_from(["\x85", "\u2028", "\x0b", " ", "\t", "\xa0", "a\rb", "\ufeff", "\0"])
TOKENS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), min_size=1) | AWKWARD


@SHARED
@given(
    tokens=st.lists(TOKENS, unique=True).filter(lambda tokens: not "".join(tokens[:1]).startswith("\ufeff"))
)
def test_every_token_comes_back_at_its_index(tmp_path: Path, tokens: list[str]) -> None:
    path = Vocab(tokens, 7).write_text(tmp_path / "tokens.txt")
    assert path.read_bytes() == b"".join(token.encode() + b"\n" for token in tokens)
    read = Vocab.read_text(path)
    assert read.get_itos() == tokens
    assert read.get_default_index() is None  # it is not in the file
    if tokens:  # the last line may lack its end, as editors leave it
        path.write_bytes(path.read_bytes()[:-1])
        assert Vocab.read_text(path).get_itos() == tokens


def test_unknown_tokens_get_the_index_of_the_unknown_token(tmp_path: Path) -> None:
    path = Vocab(["a", "<unk>", "UNK"]).write_text(tmp_path / "tokens.txt")
    assert Vocab.read_text(path).get_default_index() == 1
    assert Vocab.read_text(path, default="UNK").get_default_index() == 2
    assert Vocab.read_text(path, default=None).get_default_index() is None
    assert Vocab.read_text(path, default="elsewhere").get_default_index() is None


WRONG = {
    "an empty line": (b"a\n\nb\n", r":2: this line is empty. Give each line a token"),
    "an empty last line": (b"a\n\n", r":2: this line is empty"),
    "an empty first line": (b"\na\n", r":1: this line is empty"),
    "one empty line": (b"\n", r":1: this line is empty"),
    "a token twice": (b"a\nb\na\n", r":3: the token 'a' stands in line 1 already. Give each token once"),
    "lines of Windows": (b"a\r\nb\r\n", r":1: this line ends in \\r\\n. Save the file with \\n alone"),
    "a byte order mark": (b"\xef\xbb\xbfa\n", r":1: the file begins with a byte order mark"),
    "Latin-1": ("a\nb\né\n".encode("latin-1"), r":3: this is not UTF-8"),
    "UTF-16": ("a\n".encode("utf-16"), r":1: this is not UTF-8"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_line_that_is_no_token_is_an_error_with_its_number(what: str, tmp_path: Path) -> None:
    content, says = WRONG[what]
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    with pytest.raises(ParseError, match=f"tokens.txt{says}"):
        Vocab.read_text(path)


def test_a_missing_file_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Vocab.read_text(tmp_path / "none.txt")


@SHARED
@given(content=st.binary(max_size=40) | st.text("ab\n\r é\ufeff", max_size=20).map(str.encode))
def test_every_file_is_refused_or_is_what_would_be_written(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    try:
        vocab = Vocab.read_text(path)
    except ParseError:
        return
    written = vocab.write_text(tmp_path / "again.txt").read_bytes()
    assert written in (content, content + b"\n")


@pytest.mark.parametrize("token", ["", "a\nb", "\n", "a\r", "\ud800"])
def test_a_token_that_no_line_can_hold_is_refused_and_nothing_written(token: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("before\n")
    with pytest.raises(
        VocabError, match=r"tokens\.txt: the token .* of index 1 cannot stand.*Vocab\.state\(\)"
    ):
        Vocab(["a", token]).write_text(path)
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_first_token_that_would_be_taken_for_a_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabError, match="of index 0 cannot stand"):
        Vocab(["\ufeffa"]).write_text(tmp_path / "tokens.txt")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="file") as error:
        Vocab(["a"]).write_text(tmp_path / "file" / "tokens.txt")
    assert isinstance(error.value, TorchVectorsError)
