"""The stages as DataPipes: ``corpus.tokenize().build_vocab().align_vectors(vectors).numericalize()…``.

Importing this registers the functional forms on ``torch.utils.data.IterDataPipe``. What a row may be, and what each
stage does to it, `torchvectors.rows` and `torchvectors.stages` say.
"""

from torchvectors.datapipes.forms import (
    AlignVectors,
    BatchTokens,
    BuildVocab,
    LookupVectors,
    Numericalize,
    Tokenize,
)

__all__ = ["AlignVectors", "BatchTokens", "BuildVocab", "LookupVectors", "Numericalize", "Tokenize"]
