"""The stages as DataPipes: ``corpus.tokenize().build_vocab().align_vectors(vectors).numericalize()…``.

Importing this registers the functional forms on ``torch.utils.data.IterDataPipe``. What a row may be, and what each
stage does to it, `torchvectors.rows` and `torchvectors.stages` say.
"""

from torchvectors.datapipes.batching import BatchTokens
from torchvectors.datapipes.fitting import AlignVectors, BuildVocab
from torchvectors.datapipes.given import UseVocab
from torchvectors.datapipes.per_row import LookupVectors, Numericalize, Tokenize
from torchvectors.datapipes.reading import ReadCSV, ReadFolders, ReadJSONL, ReadLines, ReadTSV
from torchvectors.datapipes.resumable import Resumable
from torchvectors.datapipes.shards import ShardRows
from torchvectors.datapipes.source import Rows

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
    "Resumable",
    "Rows",
    "ShardRows",
    "Tokenize",
    "UseVocab",
]
