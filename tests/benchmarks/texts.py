"""Rows of the table: raw text → a vocabulary → batches, in this process and in workers."""

from __future__ import annotations

from collections.abc import Iterator

from materials import Materials
from measuring import Work
from records import Bound, Record

__all__ = ["batches", "counting", "import_", "padding", "worker"]

ROWS = """import torch
from definitions import definitions
rows = definitions({copies})
from torch.utils.data import DataLoader
"""
KEPT = """kept = []
for labels, ids, lengths in DataLoader({how}, num_workers={workers}):
    kept += [labels, ids, lengths]
"""


def batches(made: Materials) -> Iterator[Record]:
    """Yield all of it, in one process and with workers, beside torchtext's own C++ vocabulary and its recipe."""
    given = ROWS.format(copies=made.sizes.copies)
    for workers, said in enumerate(("one process", "1 worker", "2 workers")):
        loaded = KEPT.format(how="graph, batch_size=None", workers=workers)
        # The two deal out rows to several workers in ways of their own, so that these make other batches.
        answer = (
            "digest(*kept)"
            if workers < 2
            else "[sum(int(one.sum()) for one in kept[n::3]) for n in range(3)]"
        )
        ours = Work(
            name="a graph",
            given=given,
            ready="import torchvectors.datapipes\nfrom torch.utils.data.datapipes.iter import IterableWrapper",
            work=f"""fitted = IterableWrapper(rows, deepcopy=False).tokenize().build_vocab()
graph = fitted.sharding_filter().numericalize().batch_tokens(64)
{loaded}""",
            answer=answer,
        )
        recipe = Work(
            name="the recipe with torchtext 0.18's Vocab",
            needs="torchtext",
            given=given,
            ready="import torchtext_recipe",
            work=f"""collate = torchtext_recipe.fitted(rows)
{KEPT.format(how="rows, batch_size=64, collate_fn=collate", workers=workers)}""",
            answer=answer,
        )
        yield Record(
            key="batches",
            what=f"{len_of(made):,} texts → vocabulary → padded batches, {said}",
            ours=ours,
            alternative=Bound(work=recipe, times=None if workers else 2),
        )


def len_of(made: Materials) -> int:
    """Return how many texts there are."""
    return 7_989 * made.sizes.copies


def padding(made: Materials) -> Iterator[Record]:
    """Yield texts of mixed length, parted by length and as they come; alone, and through a model."""
    for rows, then, said in (
        (50_000, "pass", "alone"),
        (6_400, "with torch.no_grad(): model(table(ids))", "and through an LSTM"),
    ):
        count = min(rows, 8_000 * made.sizes.copies)

        def work(name: str, how: str, count: int = count, then: str = then) -> Work:
            return Work(
                name=name,
                # Lengths as texts have them: half of them below 20 tokens, one in a hundred above 300.
                given=f"""import torch
from random import Random
from torch.utils.data.datapipes.iter import IterableWrapper
torch.set_num_threads(1)
random = Random(0)
lengths = [min(int(random.paretovariate(1.2) * 10), 500) for _ in range({count})]
rows = [(n, list(range(2, n + 2))) for n in lengths]
model, table = torch.nn.LSTM(32, 64, batch_first=True), torch.nn.Embedding(600, 32)
tokens = checksum = cells = 0""",
                ready="import torchvectors.datapipes",
                work=f"""graph = IterableWrapper(rows, deepcopy=False).batch_tokens(32{how})
for _, ids, lengths in graph:
    tokens += int(lengths.sum()); checksum += int(ids.sum()); cells += ids.numel()
    {then}""",
                answer="[tokens, checksum]",
                said='f"{cells / tokens:.2f} numbers a token"',
            )

        yield Record(
            key="padding",
            what=f"{count:,} texts of mixed length to batches, {said}",
            ours=work("parted by length", ", bucket_batches=100"),
            alternative=Bound(work=work("as they come", "")),
        )


def counting(made: Materials) -> Iterator[Record]:
    """Yield the pass that counts: in bounded memory, in two processes, and recorded for later epochs."""
    distinct = made.sizes.distinct
    many = f"""import torch
def sentences(distinct={distinct}, length=20):
    for start in range(0, 2 * distinct, length):  # each twice, in an order that no run of counts is sorted by
        yield [f"token {{place * 7919 % distinct}}" for place in range(start, start + length)]
how = {{"min_freq": 2, "specials": ["<pad>", "<unk>"], "max_tokens": 50_000}}"""
    answer = "[len(itos), digest(itos)]"
    bound = distinct // 10
    yield Record(
        key="counting",
        what=f"count {distinct:,} distinct tokens, at most {bound:,} in memory",
        ours=Work(
            name="Tally",
            given=many,
            ready="from torchvectors.counting import Tally, order_tokens",
            work=f"with Tally({bound}) as tally:\n"
            "    tally.add(sentences())\n"
            "    itos = order_tokens(tally.candidates(**how), **how)",
            answer=answer,
        ),
        alternative=Bound(
            work=Work(
                name="no bound",
                given=many,
                ready="from torchvectors.counting import count_tokens, order_tokens",
                work="itos = order_tokens(count_tokens(sentences()), **how)",
                answer=answer,
            )
        ),
    )
    given = ROWS.format(copies=5 * made.sizes.copies)
    ready = "import torchvectors.datapipes\nfrom torch.utils.data.datapipes.iter import IterableWrapper\n"
    source = "IterableWrapper(rows, deepcopy=False).tokenize()"
    told = f"{5 * len_of(made):,} texts"

    def counted(workers: int, name: str) -> Work:
        return Work(
            name=name,
            given=given,
            ready=ready,
            work=f"vocab = {source}.build_vocab(num_workers={workers}).vocab",
            answer="vocab.fingerprint",
        )

    yield Record(
        key="counting",
        what=f"count {told} in two processes",
        ours=counted(2, "two processes"),
        alternative=Bound(work=counted(0, "one")),
    )
    epoch = "\nimport re; words = re.compile(r'\\w+|[^\\w\\s]').findall"
    epoch += "\ndef epoch(graph): return sum(len(ids) + sum(ids) for _, ids in graph)\n"

    def numbered(record: bool, name: str, source: str, *, later: bool) -> Work:
        graph = f"graph = {source}.build_vocab(record_rows={record}).numericalize(); found = epoch(graph)"
        size = '(lambda r, n: f"{r.path.stat().st_size / n:.2f} bytes a token on disk")'
        return Work(
            name=name,
            given=given + epoch,
            ready=ready + (graph if later else ""),
            work="found = epoch(graph)" if later else graph,
            answer="found",
            said=f"{size}(graph.goes_by.recording, graph.goes_by.running)" if record else "''",
        )

    # "basic_english" cuts most of these texts at spaces alone.
    slower = source.replace("tokenize()", "tokenize(words)")
    for texts, how, later, said in (
        (source, "", False, "count, and the first epoch"),
        (source, "", True, "a later epoch"),
        (slower, ", cut by a regular expression", False, "count, and the first epoch"),
        (slower, ", cut by a regular expression", True, "a later epoch"),
    ):
        yield Record(
            key="counting",
            what=f"{said} of {told}{how}, recorded",
            ours=numbered(True, "from the record", texts, later=later),
            alternative=Bound(work=numbered(False, "from the source", texts, later=later)),
        )


def worker(made: Materials) -> Iterator[Record]:
    """Yield what a loader's worker holds of a vocabulary and its matrix."""
    words = made.sizes.store[0]

    def weighed(name: str, start: str, what: str) -> Work:
        return Work(
            name=name,
            given="import one_worker",
            work=f"weight = one_worker.weigh({start!r}, one_worker.{what}({words}))",
            figures='{"private": weight, "mapped": 0.0}',
        )

    for start in ("fork", "spawn"):
        yield Record(
            key="worker",
            what=f"a worker with a vocabulary of {words:,}, {start}",
            ours=weighed("a graph", start, "graph"),
            floors=[Bound(work=weighed("bare numbers", start, "bare"), same=False)],
            of="held",
        )


def import_(_made: Materials) -> Iterator[Record]:
    """Yield what the package takes to import, when torch is there."""
    for what in ("import torchvectors", "from torchvectors.vocab import GloVe, build_vocab_from_iterator"):
        yield Record(
            key="import",
            what=f"{what}, beyond import torch",
            ours=Work(name="ours", work=what),
            alternative=Bound(
                work=Work(
                    name="torchtext's",
                    needs="torchtext",
                    given="import torch, warnings; warnings.simplefilter('ignore')",
                    work=what.replace("torchvectors", "torchtext"),
                ),
                same=False,
            ),
            seconds=0.1,
        )
