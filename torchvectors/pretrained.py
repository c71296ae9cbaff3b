"""torchtext's families by name → `Vectors`: GloVe, FastText, CharNGram; and Word2Vec, which it lacked."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import numpy as np
import torch

from torchvectors import catalog
from torchvectors.acquire import at_length_one
from torchvectors.errors import UnknownDimError
from torchvectors.vectors import Vectors, unknown_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["CharNGram", "FastText", "GloVe", "Word2Vec", "pretrained_aliases"]

# Programs read and change these class attributes of torchtext's, so they keep its values; where nobody has
# changed them, the catalog knows better addresses, and the digests.
_GLOVE_URLS: Mapping[str, str] = MappingProxyType(
    {
        "42B": "http://nlp.stanford.edu/data/glove.42B.300d.zip",
        "840B": "http://nlp.stanford.edu/data/glove.840B.300d.zip",
        "twitter.27B": "http://nlp.stanford.edu/data/glove.twitter.27B.zip",
        "6B": "http://nlp.stanford.edu/data/glove.6B.zip",
    }
)
_FASTTEXT_URL = "https://dl.fbaipublicfiles.com/fasttext/vectors-wiki/wiki.{}.vec"
_CHARNGRAM_NAME = "charNgram.txt"
_CHARNGRAM_URL = (
    "http://www.logos.t.u-tokyo.ac.jp/~hassy/publications/arxiv2016jmt/jmt_pre-trained_embeddings.tar.gz"
)
_DEFAULT_DIM, _SAMPLE_DIM = 300, 50


class GloVe(Vectors):
    """GloVe vectors (Pennington, Socher and Manning 2014).

    Args:
        name: "6B", "42B", "840B", "twitter.27B", "2024.wikigiga" or "2024.dolma"; or "sample", the most frequent
            words of 6B at dim 50, which come with this package.
        dim: Numbers per token: 50, 100, 200 or 300 for 6B; the catalog knows for each. "sample" has but one, and
            takes the default for it.
        **kwargs: As `Vectors` has them; url and checksum are for an archive that is got elsewhere.

    Raises:
        UnknownNameError: There is no such GloVe; the text says which there are.
        UnknownDimError: It does not come in this dim; the text says in which.

    Source: torchtext 0.18 ``torchtext.vocab.GloVe``.
    """

    url: ClassVar[dict[str, str]] = dict(_GLOVE_URLS)

    def __init__(self, name: str = "840B", dim: int | str = _DEFAULT_DIM, **kwargs: Any) -> None:
        url = kwargs.pop("url", None) or self.url.get(name)
        if name == "sample":
            if int(dim) not in (_SAMPLE_DIM, _DEFAULT_DIM):
                raise UnknownDimError(f'GloVe("sample") comes in dim {_SAMPLE_DIM}, not {dim}.')
            if kwargs.keys() & {"url", "checksum"}:
                raise ValueError('GloVe("sample") comes with the package: it takes no url= and no checksum=.')
            super().__init__("glove.sample", **kwargs)
        elif url is not None and url != _GLOVE_URLS.get(name):  # the caller's own address
            super().__init__(f"glove.{name}.{dim}d.txt", url=url, **kwargs)
        else:
            super().__init__(catalog.glove(name, dim).name, **kwargs)


class FastText(Vectors):
    """fastText's vectors of a language (Bojanowski et al. 2017; Grave et al. 2018).

    Args:
        language: The publisher's code, such as "en", "simple" or "de".
        source: What they were made from: "wiki" (Wikipedia, what torchtext gave), "crawl" (Common Crawl and
            Wikipedia), "aligned" or "muse" (Wikipedia, several languages in one space).
        subwords: Take the whole model, which has a vector for any word: several gigabytes. Without it, a word that
            is not in the text has no vector.
        **kwargs: As `Vectors` has them; url and checksum are for a file that is got elsewhere.

    Raises:
        UnknownNameError: There are none of this language; the text gives the nearest ones.

    Source: torchtext 0.18 ``torchtext.vocab.FastText``.
    """

    url_base: ClassVar[str] = _FASTTEXT_URL

    def __init__(
        self, language: str = "en", *, source: str = "wiki", subwords: bool = False, **kwargs: Any
    ) -> None:
        url = kwargs.pop("url", None)
        if source == "wiki" and not subwords:  # what torchtext had, and where programs change the address
            url = url or self.url_base.format(language)
        if url is not None and url != _FASTTEXT_URL.format(language):  # the caller's own address
            super().__init__(urlsplit(url).path.rpartition("/")[2], url=url, **kwargs)
        else:
            super().__init__(catalog.fasttext(language, source, subwords=subwords).name, **kwargs)


class Word2Vec(Vectors):
    """word2vec vectors (Mikolov et al. 2013).

    Args:
        name: "GoogleNews": three million words and phrases, dim 300.
        **kwargs: As `Vectors` has them.

    Raises:
        UnknownNameError: There are none of this name.
    """

    def __init__(self, name: str = "GoogleNews", **kwargs: Any) -> None:
        super().__init__(catalog.word2vec(name).name, **kwargs)


class CharNGram(Vectors):
    """Vectors of character n-grams (Hashimoto et al. 2017), of which any word has some.

    A token's vector is the mean of its 2-, 3- and 4-grams', ``#BEGIN#`` and ``#END#`` counting as a character
    each: shape (1, dim), as torchtext has it. ``<unk>``, and a token of unknown n-grams, get ``unk_init``'s row.

    Args:
        **kwargs: As `Vectors` has them; url and checksum are for an archive that is got elsewhere.

    Raises:
        NotFoundError: The file is not in the cache. Its publisher's address is dead.

    Source: torchtext 0.18 ``torchtext.vocab.CharNGram``.
    """

    name: ClassVar[str] = _CHARNGRAM_NAME
    url: ClassVar[str] = _CHARNGRAM_URL

    def __init__(self, **kwargs: Any) -> None:
        url = kwargs.pop("url", None) or self.url
        if (self.name, url) != (_CHARNGRAM_NAME, _CHARNGRAM_URL):  # the caller's own file or address
            super().__init__(self.name, url=url, **kwargs)
        else:
            super().__init__(catalog.find("charngram.100d").name, **kwargs)

    def __getitem__(self, token: str) -> Tensor:
        """Return the vector of a token: a new tensor (1, dim)."""
        made, vector = self.compose([token])
        given = vector if made[0] else unknown_rows(self.unk_init, [token], self.mean, self.dim)
        return given.to(self._gives)

    def compose(self, tokens: Sequence[str]) -> tuple[NDArray[np.bool_], Tensor]:
        """Make vectors of the n-grams of n tokens: which have any, bool (n,), and their means, (n, dim)."""
        ngrams = [_ngrams(token) for token in tokens]
        found = self.rows_of([ngram for one in ngrams for ngram in one])
        owner = np.repeat(np.arange(len(tokens)), [len(one) for one in ngrams])[found >= 0]
        counts = torch.from_numpy(np.bincount(owner, minlength=len(tokens)))
        rows = self.gather(found[found >= 0], ())
        rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
        # One after another, as torchtext added them: in another order they would round otherwise.
        sums = rows.new_zeros(len(tokens), self.dim).index_add(0, torch.from_numpy(owner), rows)
        means = sums / counts.clamp(min=1)[:, None]
        if self._normalized:  # as the rows are
            means = torch.from_numpy(at_length_one(means.numpy()))
        return counts.numpy() > 0, means


def _ngrams(token: str) -> list[str]:
    if token == "<unk>":
        return []
    characters = ["#BEGIN#", *token, "#END#"]
    places = ((n, start) for n in (2, 3, 4) for start in range(len(characters) - n + 1))
    return [f"{n}gram-{''.join(characters[start : start + n])}" for n, start in places]


def _glove_aliases() -> dict[str, partial[GloVe]]:
    dims = {"42B": (300,), "840B": (300,), "twitter.27B": (25, 50, 100, 200), "6B": (50, 100, 200, 300)}
    # The dims are text, as torchtext had them: programs read .keywords.
    return {f"glove.{n}.{d}d": partial(GloVe, name=n, dim=str(d)) for n, ds in dims.items() for d in ds}


#: torchtext's names for vectors, each with what makes them.
pretrained_aliases: dict[str, Callable[..., Vectors]] = {
    "charngram.100d": partial(CharNGram),
    "fasttext.en.300d": partial(FastText, language="en"),
    "fasttext.simple.300d": partial(FastText, language="simple"),
    **_glove_aliases(),
}
