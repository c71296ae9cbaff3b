"""Every public name of torchtext 0.18, its last release, and what became of it."""

from __future__ import annotations

from torchvectors.migrate.records import Area, differs, gone, modules, renamed, same

__all__ = ["AREAS"]

_VECTORS = "verified, mapped from a store, and mended where it had a defect: docs/coming-from-torchtext.md lists it all"
_PATHS_ONLY = "files are given as paths, nothing is downloaded"
_UNSCRIPTED = f"{_PATHS_ONLY}; it cannot be scripted with `torch.jit.script`"
_SENTENCEPIECE = (
    "the model is the `sentencepiece` package's own, which must be installed; it cannot be scripted"
)
_BATCHES = "`dtype` counts for a single sequence, too, where torchtext always gave int64"
_DATASET = "the same rows, straight out of the published file, which is verified and never unpacked to disk"
_CONSTANT = (
    "to be read: what a program writes into it changes no download. A mirror is named by `TORCHVECTORS_MIRROR`, and a "
    "file that is put into the cache is used"
)
_MODELS = "use Hugging Face's `transformers`, which has these models and their weights"
_ATTENTION = "use `torch.nn.MultiheadAttention`, or `torch.nn.functional.scaled_dot_product_attention`"
_UNKNOWN_ROW = "`unk_tensor=row` is `unk_init=lambda _: row` there"
_PROTOTYPE = "use what took its place outside of `prototype`"


def _vocab_area() -> Area:
    vectors = differs("torchtext.vocab", "Vectors GloVe FastText CharNGram", _VECTORS)
    aliases = same("torchtext.vocab", "pretrained_aliases")
    made = differs(
        "torchtext.vocab",
        "vocab",
        "leaves the dict that it is given as it is; warns when its values are row numbers, not frequencies",
    )
    made += same("torchtext.vocab", "build_vocab_from_iterator")
    klass = differs(
        "torchtext.vocab",
        "Vocab",
        "takes the tokens themselves, in order, in the place of a C++ object; refuses what crashed torchtext",
    )
    again = [
        *differs("torchtext.vocab.vectors", "Vectors GloVe FastText CharNGram", _VECTORS),
        *same("torchtext.vocab.vectors", "pretrained_aliases"),
        *differs("torchtext.vocab.vocab", "Vocab", klass[0].note),
        *differs("torchtext.vocab.vocab_factory", "vocab", made[0].note),
        *same("torchtext.vocab.vocab_factory", "build_vocab_from_iterator"),
    ]
    rooms = modules("torchtext.vocab torchtext.vocab.vectors torchtext.vocab.vocab_factory")
    return Area(title="torchtext.vocab", names=(*rooms, *vectors, *aliases, *klass, *made, *again))


def _data_area() -> Area:
    get = "get_tokenizer"
    pieces = "generate_sp_model load_sp_model"
    stages = "custom_replace simple_space_split numericalize_tokens_from_iterator filter_wikipedia_xml"
    stages += " to_map_style_dataset sentencepiece_numericalizer sentencepiece_tokenizer"
    interleave = (
        "keys of more than 16 bits keep all of them; torchtext dropped the last bits of the wider one"
    )
    bleu = "a token that holds a space stays one token; lists that do not fit are a ValueError, not an AssertionError"
    return Area(
        title="torchtext.data",
        names=(
            *modules("torchtext.data torchtext.data.utils torchtext.data.functional torchtext.data.metrics"),
            *same("torchtext.data", f"{get} {stages}"),
            *differs("torchtext.data", pieces, _SENTENCEPIECE),
            *differs("torchtext.data", "bleu_score", bleu),
            *differs("torchtext.data", "interleave_keys", interleave),
            *same(
                "torchtext.data.utils",
                f"{get} ngrams_iterator RandomShuffler dtype_to_attr get_torch_version",
            ),
            *differs("torchtext.data.utils", "interleave_keys", interleave),
            *differs(
                "torchtext.data.utils",
                "is_tokenizer_serializable",
                'always true, since every tokenizer can be pickled here; torchtext said no for `"spacy"`',
            ),
            *same("torchtext.data.functional", stages),
            *differs("torchtext.data.functional", pieces, _SENTENCEPIECE),
            *differs("torchtext.data.metrics", "bleu_score", bleu),
            *gone(
                "torchtext.data.datasets_utils",
                "",
                "private helpers of torchtext's data sets",
                module_too=True,
            ),
        ),
    )


def _transforms_area() -> Area:
    plain = "Sequential VocabTransform LabelToIndex Truncate AddToken PadTransform StrToIntTransform MaskTransform"
    return Area(
        title="torchtext.transforms",
        names=(
            *modules("torchtext.transforms"),
            *same("torchtext.transforms", f"{plain} bytes_to_unicode"),
            *differs("torchtext.transforms", "ToTensor", _BATCHES),
            *differs(
                "torchtext.transforms",
                "RegexTokenizer",
                r"runs on Python's `re` with RE2's meaning: `\p{…}` is refused, a pattern that cannot be read is an "
                "error, not a line in the log; it cannot be scripted",
            ),
            *differs(
                "torchtext.transforms",
                "SentencePieceTokenizer",
                f"{_UNSCRIPTED}; needs the `sentencepiece` package",
            ),
            *differs("torchtext.transforms", "GPT2BPETokenizer CLIPTokenizer", _UNSCRIPTED),
            *differs("torchtext.transforms", "CharBPETokenizer", _PATHS_ONLY),
            *differs(
                "torchtext.transforms",
                "BERTTokenizer",
                f"{_UNSCRIPTED}; `strip_accents=False` keeps accents, where torchtext dropped them all the same",
            ),
            *gone("torchtext.transforms", "get_pairs", "a part of `CharBPETokenizer`: use the tokenizer"),
        ),
    )


def _functional_area() -> Area:
    return Area(
        title="torchtext.functional",
        names=(
            *modules("torchtext.functional"),
            *same("torchtext.functional", "truncate add_token str_to_int"),
            *differs("torchtext.functional", "to_tensor", _BATCHES),
        ),
    )


def _utils_area() -> Area:
    cache = "the folder is in the cache folder of torchvectors, not in torch's"
    return Area(
        title="torchtext.utils",
        names=(
            *modules("torchtext.utils"),
            *same("torchtext.utils", "validate_file reporthook"),
            *differs(
                "torchtext.utils",
                "download_from_url",
                "a file gets its name when it is whole and has its hash; a broken transfer is resumed, a web page in "
                "the place of data is an error",
            ),
            *differs(
                "torchtext.utils",
                "extract_archive",
                "a member that would get out of the folder, a link, or a bomb is an `ArchiveError`, and nothing is "
                "written",
            ),
            *differs("torchtext.utils", "get_asset_local_path", f"{cache}, and each URL has one of its own"),
            *differs("torchtext.utils", "get_lock_dir", cache),
            *gone("torchtext.utils", "LOCK_TIMEOUT", "a lock is waited for as long as its holder lives"),
        ),
    )


def _root_area() -> Area:
    version = "the version of torchvectors: a test of it against torchtext's versions no longer holds"
    return Area(
        title="torchtext itself",
        names=(
            *modules("torchtext torchtext.version"),
            *same("torchtext", "disable_torchtext_deprecation_warning"),
            *differs("torchtext", "__version__", version),
            *differs("torchtext.version", "__version__", version),
            *gone("torchtext.version", "git_version", "torchvectors has no such name: use `__version__`"),
        ),
    )


_DATASETS = """
AG_NEWS AmazonReviewFull AmazonReviewPolarity CC100 CNNDM CoLA CoNLL2000Chunking DBpedia EnWik9 IMDB IWSLT2016
IWSLT2017 MNLI MRPC Multi30k PennTreebank QNLI QQP RTE SQuAD1 SQuAD2 SST2 STSB SogouNews UDPOS WNLI WikiText103
WikiText2 YahooAnswers YelpReviewFull YelpReviewPolarity
"""


def _datasets_area() -> Area:
    return Area(
        title="torchtext.datasets",
        names=(
            *modules("torchtext.datasets"),
            *differs("torchtext.datasets", " ".join(sorted({*_DATASETS.split()} - _OTHER.keys())), _DATASET),
            *(name for one, note in _OTHER.items() for name in differs("torchtext.datasets", one, note)),
            *same("torchtext.datasets", "DATASETS URLS NUM_LINES MD5"),
        ),
    )


_OTHER = {
    "CoLA": f"{_DATASET}; its first row is given, too, which torchtext took for a header",
    "IWSLT2016": "its publisher has removed the file: put it into the cache if you have it, or use IWSLT2017",
    "IWSLT2017": "the same rows, of the published file, which is verified; the archive in it is copied to a "
    "temporary file",
    "Multi30k": f"{_DATASET}; the side files that a Mac left in one archive are no rows",
}


def _dataset_modules_area() -> Area:
    rooms = {name: f"torchtext.datasets.{name.lower()}" for name in _DATASETS.split()}
    return Area(
        title="torchtext.datasets, one by one",
        names=tuple(
            one
            for name, room in rooms.items()
            for one in (
                *modules(room),
                *same(room, "NUM_LINES DATASET_NAME"),
                *differs(room, "URL MD5", _CONSTANT),
                *differs(room, name, _OTHER.get(name, _DATASET)),
            )
        ),
        shown=False,
    )


def _left_out_area() -> Area:
    roberta = "RobertaBundle RobertaClassificationHead RobertaEncoderConf RobertaModel"
    roberta += " ROBERTA_BASE_ENCODER ROBERTA_DISTILLED_ENCODER ROBERTA_LARGE_ENCODER"
    roberta += " XLMR_BASE_ENCODER XLMR_LARGE_ENCODER"
    sizes = ["T5_SMALL", "T5_BASE", "T5_LARGE", "T5_3B", "T5_11B"]
    sizes += ["FLAN_T5_BASE", "FLAN_T5_LARGE", "FLAN_T5_XL", "FLAN_T5_XXL"]
    t5 = (
        " ".join(f"{size} {size}_ENCODER {size}_GENERATION" for size in sizes)
        + " T5Bundle T5Conf T5Model T5Transform"
    )
    containers = "InProjContainer MultiheadAttentionContainer ScaledDotProduct"
    return Area(
        title="torchtext.models and torchtext.nn",
        names=(
            *gone("torchtext.models", f"{roberta} {t5}", _MODELS, module_too=True),
            *gone("torchtext.models.roberta", roberta, _MODELS, module_too=True),
            *gone("torchtext.models.t5", t5, _MODELS, module_too=True),
            *gone("torchtext.nn", containers, _ATTENTION, module_too=True),
            *gone("torchtext.nn.modules", containers, _ATTENTION, module_too=True),
            *gone("torchtext.nn.modules.multiheadattention", containers, _ATTENTION, module_too=True),
            *gone(
                "torchtext.nn.modules.multiheadattention",
                "generate_square_subsequent_mask",
                "use `torch.nn.Transformer.generate_square_subsequent_mask`",
            ),
        ),
    )


def _prototype(package: str) -> Area:
    transforms, vectors, factory = (
        f"torchtext.{package}.{room}" for room in ("transforms", "vectors", "vocab_factory")
    )
    tokenizer = '`get_tokenizer("basic_english")` is the function that it made'
    names = [
        *gone(f"torchtext.{package}", "", _PROTOTYPE, module_too=True),
        *gone(transforms, "", _PROTOTYPE, module_too=True),
        *gone(vectors, "", _PROTOTYPE, module_too=True),
        *gone(factory, "", _PROTOTYPE, module_too=True),
        *renamed(f"{transforms}.basic_english_normalize", "torchvectors.data.get_tokenizer", tokenizer),
        *renamed(f"{transforms}.BasicEnglishNormalize", "torchvectors.data.get_tokenizer", tokenizer),
        *renamed(f"{transforms}.load_sp_model", "torchvectors.data.load_sp_model"),
        *renamed(f"{transforms}.sentencepiece_tokenizer", "torchvectors.transforms.SentencePieceTokenizer"),
        *renamed(f"{transforms}.SentencePieceTokenizer", "torchvectors.transforms.SentencePieceTokenizer"),
        *renamed(
            f"{transforms}.sentencepiece_processor",
            "torchvectors.data.load_sp_model",
            "the model that it returns has `EncodeAsIds` and `DecodeIds`",
        ),
        *renamed(
            f"{transforms}.SentencePieceProcessor",
            "torchvectors.data.load_sp_model",
            "the model that it returns has `EncodeAsIds` and `DecodeIds`",
        ),
        *gone(transforms, "PRETRAINED_SP_MODEL", "fetch the model once, and give `load_sp_model` its path"),
        *renamed(f"{transforms}.VocabTransform", "torchvectors.transforms.VocabTransform"),
        *gone(transforms, "VectorTransform", "call `vectors.get_vecs_by_tokens(tokens)`"),
        *renamed(f"{vectors}.GloVe", "torchvectors.vocab.GloVe", _UNKNOWN_ROW),
        *renamed(f"{vectors}.FastText", "torchvectors.vocab.FastText", _UNKNOWN_ROW),
        *renamed(
            f"{vectors}.Vectors", "torchvectors.vocab.Vectors", "`lookup_vectors` is `get_vecs_by_tokens`"
        ),
        *renamed(f"{vectors}.build_vectors", "torchvectors.Vectors.from_tensor"),
        *renamed(f"{vectors}.load_vectors_from_file_path", "torchvectors.vocab.Vectors", "give it the path"),
        *gone(vectors, "CHECKSUMS_GLOVE CHECKSUMS_FAST_TEXT", "every download is checked without it"),
        *renamed(
            f"{factory}.build_vocab_from_text_file",
            "torchvectors.vocab.build_vocab_from_iterator",
            "give it `map(tokenizer, lines)`",
        ),
        *renamed(
            f"{factory}.load_vocab_from_file",
            "torchvectors.vocab.build_vocab_from_iterator",
            "give it `[line.split()]` for each line",
        ),
    ]
    if package == "prototype":
        names += gone("torchtext.prototype.generate", "GenerationUtils", _MODELS, module_too=True)
    title = "torchtext.prototype, which was torchtext.experimental"
    return Area(title=title, names=tuple(names), shown=package == "prototype")


AREAS = (
    _root_area(),
    _vocab_area(),
    _data_area(),
    _functional_area(),
    _transforms_area(),
    _utils_area(),
    _datasets_area(),
    _dataset_modules_area(),
    _left_out_area(),
    _prototype("prototype"),
    _prototype("experimental"),
)
