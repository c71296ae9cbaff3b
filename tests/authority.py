"""A certificate authority of the tests' own, by the ``openssl`` program: what it signs is trusted where it is named."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

__all__ = ["Authority"]

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_SETTINGS = """[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
default_md = sha256
policy = any
rand_serial = yes
copy_extensions = copy
unique_subject = no
x509_extensions = signed
[any]
commonName = supplied
[signed]
authorityKeyIdentifier = keyid
"""


class Authority:
    """Lives in a folder.

    Attributes:
        bundle: What ``REQUESTS_CA_BUNDLE`` names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.bundle = folder, folder / "authority.pem"
        (folder / "index").touch()
        (folder / "settings").write_text(_SETTINGS.format(folder=folder))
        names = ("-out", self.bundle, "-keyout", folder / "authority.key")
        # Python 3.13 and later believe an authority only that says what it may do.
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._run("req", "-x509", *_CURVE, "-days", "2", "-subj", "/CN=An authority of tests", *usage, *names)

    def _run(self, *words: object) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("needs the openssl program")
        subprocess.run([program, *map(str, words)], check=True, capture_output=True)

    def signed(self, name: str = "IP:127.0.0.1", *, years: str = "2020 2099") -> ssl.SSLContext:
        """Return what a server needs to show a certificate for a name, good from January to January."""
        stem = self._folder / f"{name}-{years}".translate(str.maketrans(": .", "---"))
        request, key, certificate = (stem.with_suffix(one) for one in (".csr", ".key", ".pem"))
        alternative = ("-subj", "/CN=a server of tests", "-addext", f"subjectAltName={name}")
        self._run("req", "-new", *_CURVE, *alternative, "-out", request, "-keyout", key)
        since, until = (f"{year}0101000000Z" for year in years.split())
        words = (
            "-batch",
            "-notext",
            "-config",
            self._folder / "settings",
            "-in",
            request,
            "-out",
            certificate,
        )
        ours = ("-cert", self.bundle, "-keyfile", self._folder / "authority.key")
        self._run("ca", *words, *ours, "-startdate", since, "-enddate", until)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context
