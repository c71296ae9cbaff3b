"""Names of torchtext before 0.12 that old programs still use."""

from __future__ import annotations

from torchvectors.migrate.records import Area, Name, gone, renamed

__all__ = ["AREAS", "VOCAB_ARGUMENTS"]

_FIELD = (
    "a Field is three things here: `get_tokenizer(…)`, `build_vocab_from_iterator(…)`, and calling the vocabulary; "
    "or the graph's `.tokenize().build_vocab().numericalize()`"
)
_ROWS = "use rows of your own: any list of tuples (label, text); of a `csv.reader`, `[tuple(row) for row in reader]`"
_BATCHES = (
    "use `DataLoader`; the graph's `.batch_tokens(batch_size)` pads, and gives the lengths; with "
    "`bucket_batches=100`, rows of similar length share a batch"
)
_SPLIT = "use `torch.utils.data.random_split`"
_OLD_SETS = (
    "it left torchtext with 0.12. Give rows of your own, any iterable of (label, text); Hugging Face's `datasets` "
    "has most of these"
)

_FIELDS = "RawField Field ReversibleField SubwordField NestedField LabelField"
_ITERATORS = "Batch BucketIterator Iterator BPTTIterator batch pool"
_EXAMPLES = "Dataset TabularDataset Example"
_OLD_DATASETS = """
BABI20 IWSLT LanguageModelingDataset MultiNLI SNLI SST SequenceTaggingDataset TREC TextClassificationDataset
TranslationDataset WMT14 XNLI
"""
# Those that 0.18 has, too, in another form: rows in the place of Fields.
_CHANGED_DATASETS = """
AG_NEWS AmazonReviewFull AmazonReviewPolarity CoNLL2000Chunking DBpedia EnWik9 IMDB Multi30k PennTreebank SogouNews
UDPOS WikiText103 WikiText2 YahooAnswers YelpReviewFull YelpReviewPolarity
"""
_KEPT = """
bleu_score custom_replace generate_sp_model get_tokenizer interleave_keys load_sp_model
numericalize_tokens_from_iterator sentencepiece_numericalizer sentencepiece_tokenizer simple_space_split
"""
_SUBWORDS = "train a SentencePiece model: `torchvectors.data.generate_sp_model`"
_CSV = "use the standard library's `csv.reader`"

#: What the `Vocab` of torchtext before 0.10 took, and no later one does.
VOCAB_ARGUMENTS = frozenset(
    ["max_size", "min_freq", "specials", "vectors", "unk_init", "vectors_cache", "specials_first"]
)


def _fields(package: str) -> list[Name]:
    """Return the records of the names around Field, which lay in ``PACKAGE`` and in modules of it."""
    return [
        *gone(package, _FIELDS, _FIELD),
        *gone(package, _EXAMPLES, _ROWS),
        *gone(package, _ITERATORS, _BATCHES),
        *gone(package, "Pipeline", "use a function, or `torchvectors.transforms.Sequential`"),
        *gone(f"{package}.field", _FIELDS, _FIELD, module_too=True),
        *gone(f"{package}.dataset", "Dataset TabularDataset", _ROWS, module_too=True),
        *gone(f"{package}.dataset", "stratify rationed_split check_split_ratio", _SPLIT),
        *gone(f"{package}.example", "Example", _ROWS, module_too=True),
        *gone(f"{package}.iterator", _ITERATORS.removeprefix("Batch "), _BATCHES, module_too=True),
        *gone(f"{package}.batch", "Batch", _BATCHES),
        *gone(f"{package}.pipeline", "Pipeline", "use a function", module_too=True),
    ]


def _legacy_area() -> Area:
    kept = [
        name
        for word in _KEPT.split()
        for name in renamed(f"torchtext.legacy.data.{word}", f"torchvectors.data.{word}")
    ]
    return Area(
        title="torchtext before 0.12, and torchtext.legacy",
        names=(
            *_fields("torchtext.data"),
            *gone("torchtext.vocab", "SubwordVocab", _SUBWORDS),
            *gone("torchtext.utils", "unicode_csv_reader utf_8_encoder", _CSV),
            *gone("torchtext.datasets", _OLD_DATASETS, _OLD_SETS),
            *gone("torchtext.legacy", "", "see what takes the place of each of its names", module_too=True),
            *gone(
                "torchtext.legacy.data", "", "see what takes the place of each of its names", module_too=True
            ),
            *_fields("torchtext.legacy.data"),
            *kept,
            *gone(
                "torchtext.legacy.datasets",
                f"{_OLD_DATASETS} {_CHANGED_DATASETS}",
                _OLD_SETS,
                module_too=True,
            ),
            *gone(
                "torchtext.legacy.vocab", "", "see what takes the place of each of its names", module_too=True
            ),
            *renamed(
                "torchtext.legacy.vocab.Vocab",
                "torchvectors.vocab.build_vocab_from_iterator",
                "give it `[counter]`, and `set_default_index`; `torchvectors.align` makes the matrix",
            ),
            *gone("torchtext.legacy.vocab", "SubwordVocab", _SUBWORDS),
            *renamed(
                "torchtext.legacy.vocab.build_vocab_from_iterator",
                "torchvectors.vocab.build_vocab_from_iterator",
            ),
            *renamed("torchtext.legacy.vocab.pretrained_aliases", "torchvectors.vocab.pretrained_aliases"),
            *renamed("torchtext.legacy.vocab.Vectors", "torchvectors.vocab.Vectors"),
        ),
    )


AREAS = (_legacy_area(),)
