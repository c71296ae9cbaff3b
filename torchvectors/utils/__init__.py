"""torchtext's ``torchtext.utils``: files from URLs, and archives unpacked; verified, locked, whole or not at all."""

from torchvectors.utils.downloading import (
    download_from_url,
    get_asset_local_path,
    get_lock_dir,
    reporthook,
    validate_file,
)
from torchvectors.utils.unpacking import extract_archive

__all__ = [
    "download_from_url",
    "extract_archive",
    "get_asset_local_path",
    "get_lock_dir",
    "reporthook",
    "validate_file",
]
