"""All that can be odd about a file: what it is called, what this package does with it, and the fix."""

from __future__ import annotations

from torchvectors.doctor.records import Oddity

__all__ = ["ODDITIES"]

_AGAIN = "Get it again, in place of this one; `torchvectors list` shows what can be had by name."
_KEPT = "Kept as it is. Fields are split at the byte 0x20 alone, so its row is whole."
_ROWS_OF_TEXT = "None; a program reads its rows with torchvectors.datapipes.{}."
_SPLIT = "None for this package. Programs that call split() without an argument will misread these rows."

_ALL = (
    # In place of vectors
    Oddity(code="posing", what="this is no vector file", does="Refused.", fix=_AGAIN, refused=True),
    Oddity(
        code="lfs-pointer",
        what="this is a Git LFS pointer, which stands for the file in a repository",
        does="Refused.",
        fix="git lfs pull --include FILE",
        refused=True,
    ),
    Oddity(code="empty", what="there is nothing in it", does="Refused.", fix=_AGAIN, refused=True),
    Oddity(
        code="utf-16",
        what="this is text in UTF-16",
        does="Refused.",
        fix="iconv -f UTF-16 -t UTF-8 FILE > NEW",
        refused=True,
    ),
    Oddity(code="damaged", what="it cannot be read", does="Refused.", fix=_AGAIN, refused=True),
    Oddity(
        code="changed",
        what="this store is not as it was written: its checksum is wrong",
        does="Read as it is: whoever opens a store reads its header, and not every byte.",
        fix="Delete it; what this package made is made anew when it is next asked for.",
    ),
    Oddity(
        code="torchtext-vectors",
        what="this is what torchtext kept of a text it had parsed",
        does="Read without running the pickle in it, and a store is made of it.",
        fix="Delete it when no program of torchtext's needs it any more.",
    ),
    Oddity(
        code="torchtext-vocab",
        what="this is a vocabulary that torchtext saved, and holds no vectors",
        does="Refused as vectors.",
        fix="torchvectors migrate --write FILE",
        refused=True,
    ),
    Oddity(
        code="csv",
        what="this is no vector file: it looks like CSV",
        does="Refused as vectors.",
        fix=_ROWS_OF_TEXT.format("ReadCSV"),
        refused=True,
    ),
    Oddity(
        code="tsv",
        what="this is no vector file: it looks like TSV",
        does="Refused as vectors.",
        fix=_ROWS_OF_TEXT.format("ReadTSV"),
        refused=True,
    ),
    Oddity(
        code="json-lines",
        what="this is no vector file: it looks like JSON lines",
        does="Refused as vectors.",
        fix=_ROWS_OF_TEXT.format("ReadJSONL"),
        refused=True,
    ),
    Oddity(
        code="no-vectors",
        what="this is no vector file of a kind that is known",
        does="Refused.",
        fix="Nothing, if it is to hold no vectors; else write each row as a token and its numbers, parted by spaces.",
        refused=True,
    ),
    # The form of a text
    Oddity(
        code="bom",
        what="it begins with a byte order mark",
        does="The mark becomes a part of the first token, as it did in torchtext.",
        fix=r"sed -i '1s/^\xEF\xBB\xBF//' FILE",
    ),
    Oddity(
        code="crlf",
        what="lines end in a carriage return and a newline",
        does="The carriage returns are passed over.",
        fix=r"sed -i 's/\r$//' FILE",
    ),
    Oddity(
        code="tabs",
        what="fields are parted by tabs",
        does="Refused: fields are parted by spaces.",
        fix=r"tr '\t' ' ' < FILE > NEW",
        refused=True,
    ),
    Oddity(code="blank-lines", what="there are blank lines", does="Passed over.", fix="sed -i '/^$/d' FILE"),
    Oddity(
        code="header-count",
        what="the first line promises another number of rows than there are",
        does="All rows are read, and a warning says if there are fewer: the file may be cut.",
        fix="Compare its size or digest with the published one; else mend the first line.",
    ),
    Oddity(
        code="header-dim",
        what="the first line promises another dim than the rows have",
        does="The rows are believed.",
        fix="Mend the first line.",
    ),
    Oddity(
        code="no-newline",
        what="the last row has no newline: its last number may be cut",
        does="Read as it is.",
        fix="Compare the file's size or digest with the published one.",
    ),
    Oddity(
        code="cut-row",
        what="the last row is cut off",
        does="Refused: the file is not whole.",
        fix=f"{_AGAIN} To use what there is: head -n -1 FILE > NEW",
        refused=True,
    ),
    Oddity(
        code="wrong-width",
        what="rows have another number of fields than the first one",
        does="Refused at the first of them: a token with a space in it, or damage, looks like this.",
        fix="Mend or delete these rows, or get the file again.",
        refused=True,
    ),
    Oddity(
        code="no-number",
        what="fields are no numbers",
        does="Refused at the first of them.",
        fix="Mend or delete these rows, or get the file again.",
        refused=True,
    ),
    # Tokens
    Oddity(
        code="broken-utf8",
        what="tokens are not UTF-8",
        does="Left out, with their rows, as in torchtext.",
        fix="If all of the file is in another encoding: iconv -f LATIN1 -t UTF-8 FILE > NEW",
    ),
    Oddity(
        code="duplicates",
        what="tokens stand there twice or more",
        does="Every row is kept; a look-up by token gives the last one, as in torchtext.",
        fix="",
    ),
    Oddity(code="empty-token", what="tokens are empty", does=_KEPT, fix=""),
    Oddity(code="blank-token", what="tokens are white space and nothing else", does=_KEPT, fix=_SPLIT),
    Oddity(code="nbsp", what="tokens hold a no-break space, U+00A0", does=_KEPT, fix=_SPLIT),
    Oddity(code="nel", what="tokens hold U+0085, a line end to some programs", does=_KEPT, fix=_SPLIT),
    Oddity(
        code="space", what="tokens hold a space", does="Kept.", fix="They cannot be written as rows of text."
    ),
    Oddity(code="other-space", what="tokens hold other white space", does=_KEPT, fix=_SPLIT),
    # Numbers
    Oddity(
        code="nan", what="rows hold NaN", does="Kept; every sum over them is NaN.", fix="Delete these rows."
    ),
    Oddity(
        code="inf",
        what="rows hold infinity, or a number too large for float32",
        does="Kept as infinity.",
        fix="Delete these rows.",
    ),
    Oddity(
        code="zero",
        what="rows are all zeros",
        does="Kept; they have no direction, and look like those of unknown tokens.",
        fix="",
    ),
    # Of the examination itself
    Oddity(
        code="many",
        what="there are so many tokens that not all were compared for duplicates",
        does="Nothing.",
        fix="",
    ),
)

#: Every oddity by its code.
ODDITIES: dict[str, Oddity] = {oddity.code: oddity for oddity in _ALL}
