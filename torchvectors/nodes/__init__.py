"""The stages as torchdata nodes: ``BatchTokens(Numericalize(BuildVocab(Tokenize(source))), 32)``.

They are `torchvectors.datapipes`'s stages for ``torchdata.nodes.Loader``: the same names, arguments, rows and
batches. A node's state is its source's, for no stage keeps anything between rows; only `BatchTokens` does within a
batch, and a state is taken between two. Where it parts rows by length it keeps a buffer of them, and its state is the
source's before that buffer, with what was given of it: who resumes reads the buffer again.
"""

from torchvectors.nodes.batching import BatchTokens
from torchvectors.nodes.fitting import AlignVectors, BuildVocab
from torchvectors.nodes.given import UseVocab
from torchvectors.nodes.per_row import LookupVectors, Numericalize, Tokenize
from torchvectors.nodes.reading import ReadCSV, ReadFolders, ReadJSONL, ReadLines, ReadTSV
from torchvectors.nodes.shards import ShardRows
from torchvectors.nodes.source import Rows

__all__ = [
    "AlignVectors",
    "BatchTokens",
    "BuildVocab",
    "LookupVectors",
    "Numericalize",
    "ReadCSV",
    "ReadFolders",
    "ReadJSONL",
    "ReadLines",
    "ReadTSV",
    "Rows",
    "ShardRows",
    "Tokenize",
    "UseVocab",
]
