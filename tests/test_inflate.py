"""A deflated member → its bytes, whichever inflater there is."""

from __future__ import annotations

import io
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvectors import inflate
from torchvectors.inflate import Inflated


@pytest.fixture(params=["isal", "zlib"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "isal":
        pytest.importorskip("isal")
    else:
        monkeypatch.setattr(inflate, "_isal", lambda: None)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def unpack(packed: bytes, data: bytes, n: int = 1 << 19, nbytes: int | None = None) -> bytes:
    whole = len(data) if nbytes is None else nbytes
    stream = Inflated(io.BytesIO(packed), nbytes=whole, crc=zlib.crc32(data))
    parts = list(iter(lambda: stream.read(n), b""))
    assert all(len(part) == n for part in parts[:-1])
    return b"".join(parts)


TEXT = b"".join(b"token%d %.5f %.5f\n" % (i, i / 7, -i / 3) for i in range(20_000))


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize(
    "data", [b"", b"x", TEXT, bytes(3_000_000)], ids=["nothing", "byte", "text", "zeros"]
)
@pytest.mark.parametrize("n", [1000, 1 << 19])
def test_what_was_packed_comes_out(data: bytes, n: int) -> None:
    assert unpack(deflated(data), data, n) == data


@pytest.mark.usefixtures("inflater")
def test_whatever_is_not_what_the_archive_says_is_an_error() -> None:
    packed = deflated(TEXT)
    for wrong, nbytes in [
        (packed[:-1], None),
        (packed[: len(packed) // 2], None),
        (b"", None),
        (b"\xff" * 100, None),
        (packed, len(TEXT) - 1),
        (packed, len(TEXT) + 1),
        (deflated(TEXT.replace(b"token7 ", b"token8 ")), None),
    ]:
        with pytest.raises(zipfile.BadZipFile):
            unpack(wrong, TEXT, nbytes=nbytes)


@pytest.mark.usefixtures("inflater")
def test_more_than_the_archive_says_ends_in_an_error_at_once() -> None:
    packed = io.BytesIO(deflated(bytes(50_000_000)))
    with pytest.raises(zipfile.BadZipFile):
        Inflated(packed, nbytes=10, crc=0).read(1000)
    assert packed.tell() < 100_000


@given(place=st.integers(0, 10_000), byte=st.integers(1, 255))
def test_every_changed_byte_is_seen_or_changes_nothing(place: int, byte: int) -> None:
    packed = bytearray(deflated(TEXT[:30_000]))
    packed[place % len(packed)] ^= byte
    try:
        assert unpack(bytes(packed), TEXT[:30_000]) == TEXT[:30_000]
    except zipfile.BadZipFile:
        return
