"""torchtext's ``transforms``: modules from text to tokens, from tokens to ids, from ids to tensors.

Nothing here downloads: files of tokenizers are given as local paths. All of it can be pickled. As in torchtext the
plain ones can be compiled by ``torch.jit.script``; of the tokenizers none can, since theirs is Python now.
"""

from torchvectors.transforms.basic import (
    AddToken,
    LabelToIndex,
    PadTransform,
    Sequential,
    StrToIntTransform,
    ToTensor,
    Truncate,
    VocabTransform,
)
from torchvectors.transforms.bytepairs import CharBPETokenizer, bytes_to_unicode
from torchvectors.transforms.clip import CLIPTokenizer
from torchvectors.transforms.gpt2 import GPT2BPETokenizer
from torchvectors.transforms.masking import MaskTransform
from torchvectors.transforms.patterns import RegexTokenizer
from torchvectors.transforms.sentencepieces import SentencePieceTokenizer
from torchvectors.transforms.wordpieces import BERTTokenizer

__all__ = [
    "AddToken",
    "BERTTokenizer",
    "CLIPTokenizer",
    "CharBPETokenizer",
    "GPT2BPETokenizer",
    "LabelToIndex",
    "MaskTransform",
    "PadTransform",
    "RegexTokenizer",
    "SentencePieceTokenizer",
    "Sequential",
    "StrToIntTransform",
    "ToTensor",
    "Truncate",
    "VocabTransform",
    "bytes_to_unicode",
]
