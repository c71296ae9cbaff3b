"""Rows of the table: an open store → the vectors of tokens, one at a time, many at once, a vocabulary's."""

from __future__ import annotations

from collections.abc import Iterator

from materials import Materials
from measuring import Work
from records import Bound, Record

__all__ = ["align", "look_up", "nearest", "open_", "single", "subwords", "workers"]

# Tokens that nobody has looked up or hashed yet, in an order of their own, spread over all rows.
TOKENS = """import random, torch
from glovelike import token
ranks = random.Random(3).sample(range({count}), {asked})
tokens = [token(rank) for rank in ranks]
"""
OURS = "import torchvectors\nv = torchvectors.Vectors({path!r})"
# What was read long ago may have left the page cache, where memory is short: see "Page cache" in docs/performance.md.
READ = """
with open({path!r}, "rb") as file:
    while file.read(1 << 24): pass
"""
OLD = "import torchtexts_way\nv = torchtexts_way.load({path!r})"


def open_(made: Materials) -> Iterator[Record]:
    """Yield the second use of a store: from the constructor to the first vector."""
    for size in made.sizes.stores:
        count, dim = size
        given = f"import torch\nfrom glovelike import token\nword = token({count // 2})"
        yield Record(
            key="open",
            what=f"open, and the first vector: {count:,} × {dim}",
            ours=Work(
                name="Vectors(store)[token]",
                given=given + READ.format(path=str(made.store(size))),
                ready="import torchvectors; torchvectors.Vectors",  # which is loaded when it is first asked for
                work=f"v = torchvectors.Vectors({str(made.store(size))!r}); row = v[word]",
                answer="digest(row)",
            ),
            alternative=Bound(
                work=Work(
                    name="torch.load(weights_only=True) of torchtext's .pt",
                    given=f"{given}\nimport torchtexts_way{READ.format(path=str(made.saved(size)))}",
                    work=f"v = torchtexts_way.load({str(made.saved(size))!r}); row = v[word]",
                    answer="digest(row)",
                ),
                times=200,
            ),
            seconds=0.003,
            private=10,
            size=size,
        )


def look_up(made: Materials) -> Iterator[Record]:
    """Yield many tokens at once, at each size."""
    for size in made.sizes.found_in:
        count, dim = size
        asked = min(made.sizes.looked_up, count)
        given = TOKENS.format(count=count, asked=asked)
        ours, old = OURS.format(path=str(made.store(size))), OLD.format(path=str(made.saved(size)))
        many, answer = "rows = v.get_vecs_by_tokens(tokens)", "digest(rows)"
        yield Record(
            key="lookup",
            what=f"look up {asked:,} tokens among {count:,} × {dim}",
            ours=Work(name="get_vecs_by_tokens", given=given, ready=ours, work=many, answer=answer),
            alternative=Bound(
                work=Work(name="torchtext's", given=given, ready=old, work=many, answer=answer), times=4
            ),
            floors=[
                Bound(
                    work=Work(
                        name="v.vectors[rows]",
                        given=f"{given}places = torch.tensor(ranks)",
                        ready=f"{ours}\nmatrix = v.vectors",
                        work="rows = matrix[places]",
                        answer=answer,
                    ),
                    times=3,
                )
            ],
            size=size,
        )


def single(made: Materials) -> Iterator[Record]:
    """Yield one token at a time, each for the first time."""
    count, dim = size = made.sizes.store
    asked = min(made.sizes.looked_up, count)
    ours, old = OURS.format(path=str(made.store(size))), OLD.format(path=str(made.saved(size)))
    given = TOKENS.format(count=count, asked=asked)
    mixed = TOKENS.format(count=count + count // 10, asked=asked)  # a tenth of them unknown
    keys = f"stoi = {{token(rank): rank for rank in range({count})}}"
    told = f"among {count:,} × {dim}, {asked:,} times"
    for name, one, words, floor, beside, ready, times in (
        ("vectors[token]", "v[one]", given, "torchtext's", "v[one]", old, 3),
        ("token in vectors", "one in v", mixed, "a dict's", "one in stoi", keys, 30),
        ("stoi[token]", "v.stoi[one]", given, "a dict's", "stoi[one]", keys, 30),
    ):
        answer = "digest(torch.stack(found))" if beside == "v[one]" else "digest(found)"
        yield Record(
            key="single",
            what=f"{name} {told}",
            ours=Work(
                name=name, given=words, ready=ours, work=f"found = [{one} for one in tokens]", answer=answer
            ),
            floors=[
                Bound(
                    work=Work(
                        name=floor,
                        given=words,
                        ready=ready,
                        work=f"found = [{beside} for one in tokens]",
                        answer=answer,
                    ),
                    times=times,
                )
            ],
        )


def align(made: Materials) -> Iterator[Record]:
    """Yield a vocabulary as large as the vectors, a tenth of it without a row."""
    for size in (one for one in made.sizes.found_in if one[0] <= made.sizes.store[0]):
        count, dim = size
        given = TOKENS.format(count=count + count // 10, asked=count)
        given += "import torchvectors.vocab\nvocab = torchvectors.vocab.Vocab(tokens)"
        yield Record(
            key="align",
            what=f"align a vocabulary of {count:,} with {count:,} × {dim}",
            ours=Work(
                name="align",
                given=given,
                ready=OURS.format(path=str(made.store(size))),
                work="matrix = torchvectors.align(vocab, v).matrix",
                answer="digest(matrix)",
            ),
            alternative=Bound(
                work=Work(
                    name="get_vecs_by_tokens(vocab.get_itos())",
                    given=given,
                    ready=OLD.format(path=str(made.saved(size))),
                    work="matrix = v.get_vecs_by_tokens(vocab.get_itos())",
                    answer="digest(matrix)",
                ),
                times=5,
            ),
            size=size,
        )


def subwords(made: Materials) -> Iterator[Record]:
    """Yield words in no dictionary, of two kinds of models: n-grams of 3 to 6 characters, and of 5."""
    count, dim = made.sizes.texts[len(made.sizes.texts) // 2]
    asked = made.sizes.looked_up
    words = f"""import random, torch
random.seed(0)
words = ["".join(random.choices("etaoinshrdlucmfw", k=random.randint(3, 12))) + "'" for _ in range({asked})]
"""
    for path, said in (
        (made.model(100), "n-grams of 3 to 6, dim 100"),
        (made.text((count, dim), ".bin"), f"n-grams of 5, dim {dim}"),
    ):
        yield Record(
            key="subwords",
            what=f"vectors of {asked:,} words in no dictionary: {said}",
            ours=Work(
                name="get_vecs_by_tokens",
                given=f"{words}import tempfile; folder = tempfile.TemporaryDirectory(dir={str(made.folder)!r})",
                ready=f"import torchvectors; v = torchvectors.Vectors({str(path)!r}, cache=folder.name)\n"
                "v.get_vecs_by_tokens(words)  # so that both have all pages in memory",
                work="rows = v.get_vecs_by_tokens(words)",
                answer="digest(rows)",
            ),
            alternative=Bound(
                work=Work(
                    name="fastText's get_word_vector in a loop",
                    needs="fasttext",
                    given=f"{words}import numpy as np, fasttext",
                    ready="fasttext.FastText.eprint = lambda *args, **kwargs: None\n"
                    f"model = fasttext.load_model({str(path)!r})",
                    work="rows = [model.get_word_vector(word) for word in words]",
                    answer="digest(torch.from_numpy(np.stack(rows)))",
                ),
                times=2,
            ),
        )


def nearest(made: Materials) -> Iterator[Record]:
    """Yield one query after another, and many at once; the rows have been measured before the clock starts."""
    count, dim = size = made.sizes.store
    times, at_once, word = 20, 256, "word = token(5)"
    opened = f"""import warnings; warnings.simplefilter("ignore")
{OURS.format(path=str(made.store(size)))}
from glovelike import token
{word}; some = [token(rank) for rank in range(1000, {1000 + min(at_once, count // 2)})]
"""
    matrix = f"{opened}import numpy as np; matrix = np.array(v.block(0, len(v)))\n"
    gensim = f"""{matrix}from gensim.models import KeyedVectors
kv = KeyedVectors(v.dim); kv.add_vectors(list(v.itos), matrix); kv.most_similar(word)"""
    names = "[token for token, _ in found]"
    yield Record(
        key="nearest",
        what=f"nearest among {count:,} × {dim}, {times} times",
        ours=Work(
            name="nearest",
            ready=f"{opened}v.nearest(word)",
            work=f"for _ in range({times}): found = v.nearest(word)",
            answer=names,
        ),
        alternative=Bound(
            work=Work(
                name="gensim's most_similar",
                needs="gensim",
                ready=gensim,
                work=f"for _ in range({times}): found = kv.most_similar(word)",
                answer=names,
            ),
            times=1,
        ),
        floors=[
            Bound(
                work=Work(
                    name="the bare product",
                    ready=f"{matrix}query = matrix[5]; matrix @ query",
                    work=f"for _ in range({times}): matrix @ query",
                ),
                times=1.3,
                same=False,
            )
        ],
    )
    yield Record(
        key="nearest",
        what=f"nearest of {at_once} at once among {count:,} × {dim}",
        ours=Work(
            name="nearest_rows",
            ready=f"{opened}v.nearest(word)",
            work="found = v.nearest_rows(some)",
        ),
        floors=[
            Bound(
                work=Work(
                    name="the bare product",
                    ready=f"{matrix}queries = v.get_vecs_by_tokens(some).numpy()",
                    work="queries @ matrix.T",
                ),
                same=False,
            )
        ],
    )


def workers(made: Materials) -> Iterator[Record]:
    """Yield what several processes hold that look tokens up in one store."""
    count, dim = size = made.sizes.store
    asked = min(made.sizes.looked_up, count)

    def held(of: int, path: str, how: str) -> Work:
        return Work(
            name=f"{of} of {how}",
            given="import many_workers",
            work=f"found, figures = many_workers.held({of}, {how!r}, {path!r}, {count}, {asked})",
            answer="found",
            figures="figures",
        )

    ours = str(made.store(size))
    yield Record(
        key="workers",
        what=f"4 workers look up {asked:,} tokens each among {count:,} × {dim}",
        ours=held(4, ours, "torchvectors"),
        alternative=Bound(work=held(4, str(made.saved(size)), "torchtext"), pairs=1),
        floors=[Bound(work=held(1, ours, "torchvectors"), times=1.2)],
        of="held",
    )
