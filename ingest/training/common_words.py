#!/usr/bin/env python3
"""Prints the words that a share of packages use in their documentation, most common first.

    common_words.py FOLDER... [--share 0.2]

Each folder holds packages, one to a folder (the sources of a package registry, `site-packages`,
`/usr/share/doc`). Read are Markdown and reStructuredText, doc comments of Rust and docstrings and comments
of Python; a word that a package uses once in 2,000 counts whole, one that it uses more rarely in part.

The table of `ingest/src/consolidate/familiar.rs` was made of these words, without those that only the
read languages use, and of what people say to agents all day. Nobody needs to make it again: it only has
to hold the words that tell no two instructions apart.
"""

import argparse
import collections
import pathlib
import re

ENOUGH = 60_000
LEAST = 150
PER = 2_000


def prose(path):
    text = path.read_text(encoding="utf8", errors="ignore")[:200_000]
    if path.suffix == ".rs":
        return "\n".join(re.findall(r"^\s*//[/!](.*)$", text, re.M))
    if path.suffix == ".py":
        return "\n".join(re.findall(r'"""(.*?)"""', text, re.S) + re.findall(r"#\s(.*)$", text, re.M))
    return re.sub(r"```.*?```", "", text, flags=re.S)


def words_of(package):
    found, total = collections.Counter(), 0
    for path in sorted(package.rglob("*")):
        known = path.suffix in (".md", ".rst", ".rs", ".py") or path.suffix == ""
        if not known or not path.is_file() or path.name == "copyright":
            continue
        words = re.findall(r"[a-z][a-z']+", prose(path).lower())
        found.update(words)
        total += len(words)
        if total > ENOUGH:
            break
    return found, total


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--share", type=float, default=0.2)
    args = parser.parse_args()
    using, packages = collections.Counter(), 0
    for package in (p for folder in args.folders for p in sorted(folder.iterdir()) if p.is_dir()):
        found, total = words_of(package)
        if total < LEAST:
            continue
        packages += 1
        for word, count in found.items():
            using[word] += min(1.0, count / total * PER)
    for word, count in using.most_common():
        if count < args.share * packages:
            break
        print(f"{word}\t{count / packages:.3f}")


if __name__ == "__main__":
    main()
