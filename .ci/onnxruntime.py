#!/usr/bin/env python3
"""Fetch the ONNX Runtime library that semantic recall loads at run time.

The library is taken out of the `onnxruntime` wheel, one pinned file per platform, downloaded by pip
with its hash checked. Which Python the wheel was built for does not matter: only the native library
inside is kept. Nothing is installed into any Python.

    onnxruntime.py [--into DIR] [--wheel FILE] [--print]

--into DIR    folder for the library (default: .cache/onnxruntime/VERSION beside this checkout's
              Makefile); use "$CEMEM_HOME/runtime" for an installed cemem
--wheel FILE  take the library from this wheel instead of asking pip (its hash is checked as well)
--print       print the library's path if it is there, fetch nothing; exit 1 if it is not

Exit codes: 0 the library is there (its path is on stdout), 1 it could not be had (why is on stderr),
2 wrong usage. Standard library only; needs `python3 -m pip` to download.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "1.31.1"
PYTHON = "311"

# (system, machine) -> (pip platform, library inside the wheel, name it gets, sha256 of the wheel)
WHEELS = {
    ("linux", "x86_64"): (
        "manylinux_2_28_x86_64",
        f"onnxruntime/capi/libonnxruntime.so.{VERSION}",
        "libonnxruntime.so",
        "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
    ),
    ("linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        f"onnxruntime/capi/libonnxruntime.so.{VERSION}",
        "libonnxruntime.so",
        "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
    ),
    ("darwin", "arm64"): (
        "macosx_14_0_arm64",
        f"onnxruntime/capi/libonnxruntime.{VERSION}.dylib",
        "libonnxruntime.dylib",
        "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
    ),
    ("windows", "amd64"): (
        "win_amd64",
        "onnxruntime/capi/onnxruntime.dll",
        "onnxruntime.dll",
        "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
    ),
    ("windows", "arm64"): (
        "win_arm64",
        "onnxruntime/capi/onnxruntime.dll",
        "onnxruntime.dll",
        "93800007a7023b3ab26ad72e6463d0d57d84ead49a2f6341954d91438e046bc0",
    ),
}

# Licence texts of the wheel, kept beside the library because it is passed on by `make install`.
NOTICES = {
    "onnxruntime/LICENSE": "LICENSE.onnxruntime",
    "onnxruntime/ThirdPartyNotices.txt": "ThirdPartyNotices.onnxruntime.txt",
}


class Unavailable(Exception):
    """The library cannot be had; the message says why."""


def choose():
    system = platform.system().lower()
    machine = platform.machine().lower()
    machine = {"x64": "x86_64", "arm64": "arm64" if system != "linux" else "aarch64"}.get(
        machine, machine
    )
    if (system, machine) not in WHEELS:
        raise Unavailable(f"there is no onnxruntime {VERSION} wheel for {system} on {machine}")
    if system == "linux" and "musl" in " ".join(platform.libc_ver()).lower():
        raise Unavailable("the onnxruntime wheel needs glibc; this system uses musl")
    return WHEELS[(system, machine)]


def download(pip_platform, sha256, into):
    """Return the wheel pip downloaded into the folder `into`; pip checks the hash."""
    requirements = into / "requirements.txt"
    requirements.write_text(f"onnxruntime=={VERSION} --hash=sha256:{sha256}\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
        "--no-input", "--no-deps", "--require-hashes", "--only-binary=:all:",
        "--platform", pip_platform, "--python-version", PYTHON, "--implementation", "cp",
        "--dest", str(into), "--requirement", str(requirements),
    ]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wheels = sorted(into.glob("onnxruntime-*.whl"))
    if result.returncode != 0 or not wheels:
        said = [line.strip() for line in result.stdout.splitlines() if line.strip()]
        # pip repeats itself while it retries; its last words are the reason.
        raise Unavailable("pip could not download it: " + (said[-1] if said else "no reason given"))
    return wheels[0]


def check(wheel, sha256):
    digest = hashlib.sha256()
    with open(wheel, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise Unavailable(f"{wheel} is not the pinned onnxruntime {VERSION} wheel (wrong sha256)")


def place(wheel, member, target):
    """Copy one member of the wheel to `target`: beside it first, then renamed over it."""
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
        handle, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(partial, 0o644)
            os.replace(partial, target)
        except BaseException:
            os.unlink(partial)
            raise


def fetch(folder, wheel):
    pip_platform, member, name, sha256 = choose()
    target = folder / name
    if target.is_file() and wheel is None:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as scratch:
        if wheel is None:
            print(f"fetching onnxruntime {VERSION} with pip (about 24 MB, once)", file=sys.stderr)
            wheel = download(pip_platform, sha256, Path(scratch))
        check(wheel, sha256)
        for inside, outside in NOTICES.items():
            place(wheel, inside, folder / outside)
        # The library comes last: when it is there, everything is.
        place(wheel, member, target)
    return target


def main():
    parser = argparse.ArgumentParser(description="Fetch the ONNX Runtime library for cemem.")
    default = Path(__file__).resolve().parent.parent / ".cache" / "onnxruntime" / VERSION
    parser.add_argument("--into", type=Path, default=default)
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--print", action="store_true", dest="only_print")
    arguments = parser.parse_args()
    try:
        if arguments.only_print:
            target = arguments.into / choose()[2]
            if not target.is_file():
                return 1
        else:
            target = fetch(arguments.into, arguments.wheel)
    except (Unavailable, OSError, zipfile.BadZipFile, KeyError) as problem:
        print(f"onnxruntime {VERSION} is not available: {problem}", file=sys.stderr)
        print(
            "hint: cemem works without it and recalls lexically; run this again when the package "
            "index can be reached",
            file=sys.stderr,
        )
        return 1
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
