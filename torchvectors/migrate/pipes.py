"""Names of torchdata before 0.10, whose DataPipes torchtext's pipelines were built of."""

from __future__ import annotations

from torchvectors.migrate.records import Area, gone, renamed

__all__ = ["AREAS", "FORMS"]

_CORE = """
Batcher Collator Concater Demultiplexer FileLister FileOpener Filter Forker Grouper IterableWrapper Mapper Multiplexer
RoutedDecoder Sampler ShardingFilter Shuffler StreamReader UnBatcher Zipper
"""
_CORE_MAP = "Batcher Concater Mapper SequenceWrapper Shuffler Zipper"
_PIPES = "torchdata dropped its DataPipes in 0.10; torch itself still has the plain ones"
_DOWNLOAD = (
    "fetch the file first, `path = torchvectors.utils.download_from_url(url, hash_value=…)`, and open that"
)
_READ = "write an IterDataPipe of your own, that opens each path and yields from"
_UNPACK = "unpack the archive first, `torchvectors.utils.extract_archive(path)`, and open its files"
_BUCKETS = (
    "`.batch_tokens(n, bucket_batches=100)` puts rows of similar length into one batch of n; for rows that hold "
    "no tokens, `.batch(100 * n).map(by_length).unbatch().batch(n)`, where `by_length` returns `sorted(rows, key=…)`"
)
_COLUMNS = "`.map(columns)` after `.batch(n)`, where `columns` makes a dict of lists; or `.batch_tokens(n)`"
_FLAT = "`.map(fn).unbatch()`, where `fn` returns a list"
_OWN = "write it as an IterDataPipe of your own, or with `itertools` over the rows"
_REMOTE = "use fsspec or the store's own client to fetch the files first"
_LOADER = "use torch's `DataLoader`, or torchdata's `StatefulDataLoader`"

# The class, its functional form, and what to do. A form in parentheses is a word that other objects have as well.
_DROPPED = f"""
CSVParser parse_csv | {_READ} `csv.reader(file)`
CSVDictParser parse_csv_as_dict | {_READ} `csv.DictReader(file)`
JsonParser parse_json_files | `.map(json.load)` of the opened files
LineReader (readlines) | {_READ} the file, a line at a time
ParagraphAggregator lines_to_paragraphs | {_READ} its paragraphs
BucketBatcher bucketbatch | {_BUCKETS}
MaxTokenBucketizer max_token_bucketize | {_BUCKETS}
InBatchShuffler in_batch_shuffle | `.map(shuffled)`, where `shuffled` returns `random.sample(batch, len(batch))`
Rows2Columnar rows2columnar | {_COLUMNS}
BatchMapper map_batches | `.batch(n).map(fn).unbatch()`
FlatMapper flatmap | {_FLAT}
Flattener (flatten) | `.map(…)`
ShuffledFlatMapper shuffled_flatmap | {_FLAT}, and `.shuffle()`
HttpReader read_from_http | {_DOWNLOAD}
GDriveReader read_from_gdrive | {_DOWNLOAD}
OnlineReader read_from_remote | {_DOWNLOAD}
OnDiskCacheHolder on_disk_cache | {_DOWNLOAD}
EndOnDiskCacheHolder end_caching | {_DOWNLOAD}
HashChecker check_hash | {_DOWNLOAD}
Saver save_to_disk | {_DOWNLOAD}
InMemoryCacheHolder in_memory_cache | `IterableWrapper(list(rows))`
Decompressor (decompress) | {_UNPACK}
Extractor (extract) | {_UNPACK}
TarArchiveLoader load_from_tar | {_UNPACK}
TarArchiveReader read_from_tar | {_UNPACK}
ZipArchiveLoader load_from_zip | {_UNPACK}
ZipArchiveReader read_from_zip | {_UNPACK}
XzFileLoader load_from_xz | `.map(…)` with `lzma.open`
XzFileReader read_from_xz | `.map(…)` with `lzma.open`
Bz2FileLoader load_from_bz2 | `.map(…)` with `bz2.open`
RarArchiveLoader load_from_rar | unpack the archive first
TFRecordLoader load_from_tfrecord | {_OWN}
WebDataset webdataset | use the package `webdataset`
FileDecoder decode | `.map(…)`
Enumerator (enumerate) | {_OWN}
IndexAdder add_index | {_OWN}
Cycler (cycle) | go over the pipe once for each epoch
Repeater (repeat) | {_OWN}
Header (header) | {_OWN}: `islice`
Dropper (drop) | `.map(…)`
Slicer (slice) | `.map(…)`
LengthSetter set_length | {_OWN}
RandomSplitter (random_split) | use `torch.utils.data.random_split`
UnZipper (unzip) | `.fork(n)`, and `.map(…)` on each
IterKeyZipper zip_with_iter | {_OWN}
MapKeyZipper zip_with_map | `.map(…)`
MultiplexerLongest mux_longest | {_OWN}
ZipperLongest zip_longest | {_OWN}
SampleMultiplexer sample_mux | {_OWN}
RoundRobinDemux round_robin_demux | `.demux(…)`
IterToMapConverter to_map_datapipe | `dict(pipe)`
MapToIterConverter to_iter_datapipe | {_OWN}
Prefetcher (prefetch) | the DataLoader's `prefetch_factor`
PinMemory (pin_memory) | the DataLoader's `pin_memory`
ThreadPoolMapper threadpool_map | `.map(…)`, and a DataLoader with `num_workers`
AsyncMapBatches async_map_batches | `.map(…)`, and a DataLoader with `num_workers`
FullSync (fullsync) | {_LOADER}
ShardingRoundRobinDispatcher sharding_round_robin_dispatch | `.sharding_filter()`
ShardExpander shard_expand | {_OWN}
DataFrameMaker (dataframe) | {_OWN}, with pandas
ParquetDataFrameLoader load_parquet_as_df | {_OWN}, with pandas or pyarrow
FSSpecFileLister list_files_by_fsspec | {_REMOTE}
FSSpecFileOpener open_files_by_fsspec | {_REMOTE}
FSSpecSaver save_by_fsspec | {_REMOTE}
IoPathFileLister list_files_by_iopath | {_REMOTE}
IoPathFileOpener open_files_by_iopath | {_REMOTE}
IoPathSaver save_by_iopath | {_REMOTE}
S3FileLister list_files_by_s3 | {_REMOTE}
S3FileLoader load_files_by_s3 | {_REMOTE}
AISFileLister list_files_by_ais | {_REMOTE}
AISFileLoader load_files_by_ais | {_REMOTE}
HuggingFaceHubReader read_from_huggingface | use Hugging Face's `datasets`
"""


def _dropped() -> list[tuple[str, str, str]]:
    """Return (class, form, what to do) of each DataPipe that torchdata dropped."""
    rows = [line.partition(" | ") for line in _DROPPED.strip().splitlines()]
    return [(*names.split(), advice) for names, _, advice in rows]  # type: ignore[misc] # each line has two names


def _torchdata_area() -> Area:
    pipes = [
        name for klass, _, advice in _dropped() for name in gone("torchdata.datapipes.iter", klass, advice)
    ]
    core = [
        name
        for kind, classes in (("iter", f"{_CORE} IterDataPipe"), ("map", f"{_CORE_MAP} MapDataPipe"))
        for klass in classes.split()
        for name in renamed(f"torchdata.datapipes.{kind}.{klass}", _core_name(kind, klass))
    ]
    dataloader = (
        "DataLoader2 MultiProcessingReadingService DistributedReadingService SequentialReadingService"
    )
    return Area(
        title="torchdata before 0.10",
        names=(
            *gone("torchdata.datapipes", "", _PIPES, module_too=True),
            *gone("torchdata.datapipes.iter", "", _PIPES, module_too=True),
            *gone("torchdata.datapipes.map", "", _PIPES, module_too=True),
            *gone("torchdata.datapipes.utils", "", _PIPES, module_too=True),
            *renamed("torchdata.datapipes.functional_datapipe", "torch.utils.data.functional_datapipe"),
            *core,
            *pipes,
            *gone("torchdata.dataloader2", dataloader, _LOADER, module_too=True),
        ),
    )


def _core_name(kind: str, klass: str) -> str:
    return (
        f"torch.utils.data.{klass}"
        if klass.endswith("DataPipe")
        else f"torch.utils.data.datapipes.{kind}.{klass}"
    )


#: Functional form of a DataPipe that torchdata dropped → (what to do, whether nothing else has such a method).
FORMS = {form.strip("()"): (advice, not form.startswith("(")) for _, form, advice in _dropped()}

AREAS = (_torchdata_area(),)
