#!/usr/bin/env python3
"""Builds the set of rule pairs that merging is measured on.

    make_pairs.py DATA OUT.jsonl

DATA is the folder of the labelled sets (`corrections/dev.jsonl` is read; the documents of
`retrieval/lessons-*` are not: two documents are never merged by their words). No sentence
of those sets is in this file: what a reader decided stands here as ids. The same input gives the same
output. Each line: {id, kind, label, a, b}; `label` is what a merge must make of the pair:

- `same` may be merged. `rewording`: a turn's own words for the rule (`span`) and the sentence a
  labeller made of it, for the turns of which a reader said that the words alone carry the rule.
  `repeated`: two turns in which the person says the same thing again.
- `opposite` must never be merged and should be found to contradict. Labelled sentences edited by
  system: `polarity` (asked for / forbidden), `swap` ("X instead of Y" turned round), `number` and
  `version` (another value). `real`: two turns that cannot both hold.
- `different` must not be merged. `name`: a tool or identifier of the sentence replaced by another one
  of the same form. `word`: its last plain noun replaced by that of another sentence. `neighbour`: the pairs that share most words, of labelled sentences of different
  turns, and of such a sentence and another turn's words. Pairs a reader found too close to call (one says
  more than the other, or half the same) are left out: `UNCLEAR`.
"""

import json
import pathlib
import re
import sys

# Turns whose own words say what the labelled sentence says.
REWORDINGS = """
    01ec40d54d93 032aa6d34290 071a968cd521 179cb52e69f7 17caef54ae42 1b1366e1d1d1 1c7104e5c783
    1d5d708038c4 1f6fa1265c4f 22a9fa67c3aa 2333246394fc 2554d4b12996 289960574043 366e2e509d74
    36dedb7908e9 39fa14b981a3 3cd7e9926f92 3f2b76fb8c61 3fed9bca4290 5928811ca861 5b3c69e75cd1
    62425ef4c6ab 6ebd0e96aa01 6f8ee92ff134 74fe275b5326 7828c4d9eaba 785551e18b7b 79daf3a05223
    7e8765cd7f03 83f30847dec8 8793f513b05a 88ca35351c51 8af9b4146ec4 8c4daa577a1e 961222389d0f
    96acddb2e399 96f3c1638204 9776bd6da768 978021c3df62 9ad589d1ada7 9d84d6c4c707 9dceffed0c57
    aa36470e27d1 ab2ebf0ba065 aca9c51dc8b1 ae2c3841c842 b595fa07c1eb b6e3adcec5ea b8233bce251f
    b8ad7e14485c baf19c0f1397 be92a375f1d9 cbedbdc9818a e4ab0df52b50 e7717db3a7f3 e89f0977d7e5
    eba2fbb2998f ec1876fad633 ede39e535a6c f7018fa79925 f890efa4e6e2 fc362ab5ced5 fc5d513bfe0a
    186530cd3a26 60a89af392e6 0d556c33dd5f 20df8b0f6786 0ee5a52c1d85 953791da6184 fb741f4100a2
    6394a8ca7034 e72b35938afc fb83e2602ea7 d6ba3ff6c77d 055c014cd837 fc08f4e2ac51 605733df6682
    1dcbe14d66bb 1dafa997d599 f192caff4b3f 95196097a73d 201799372788 a4eaff309cba 1299ecd1e4ad
    3f461f342c48 eb43dbd7e1a6 022e5d9387a5 481e654a2e44 1fdf1184f4e0 81c17f16fdc4 2cdb2b90638f
    f35b3b7b0587 9421e1d9e919 6b8bbe9ac6d2 583e4f3dfac1 ae982925e7ff 21b333bfb6b0 735c2755fc8d
    e974f048c250 b88806cdc85d 697751030313 5021477e6544 e1d541ccb9b5 94d0e32609d3 94e1a9f7fc1c
    e2660bd05f74 a0c6da4366ed 796664993324 ae5bbc6fb6da b1e0ea916cfa 0dd95723c9ac 32be75df170b
    8ff6be95fd69 ae3636e455d4 894d853f67b5 a69594d8637c fd3b34795b73 9f7dab7d4648 8c6c3f9aa77e
    0d43c61e51a7 483b93eada25 2253063aca72 9eb9685948a7 17e6724bc8ea 2f83085af1d0 690e268d5007
    b52fb763a736 c8be6c67c47f 2f1fb00ec414 cfcd322f60fd 0622dfb92d65 8f02c465a570 7f573c665edb
    ee94f8472626 bfa468bdbfdc 2b2fc4bc26d5 08f828c88779 405c0fa41e16 bf35bcdda9c5 1d224501a53d
    2c8bf3c58b80 d36884ae1b8f c816f0d5cf14 cf5974916bb9 eea495818e3a 78cdbb7003f1 c8cab84ac311
    ad425bcb9da3 ddf5eb38b0ab 0eb4b2fb2f89 e00a1ad0e26f b02185496c5f bf410d566ce5 18ccb7c6f666
    8edac25b6e3a 3afbd56e0347 5b02d307193a 81f7199baa44 74339b7f71aa 6b0ad5d8d852 cc42ec115d69
    9b1de4bb92cf f8ce7a4a0969 c4823bd87da7 b47dfe8a0781 29cd532ac14c 9b9bd9001bea 12b91d777210
    5a8cb5d9b2cd 088ff93ae321 baf8a02c44d3 a179a1d8b32e 094ad16395a7 02bf5dfb6a93 c8bf14223f1e
    dabf043869a6 73d671d8ad74 d309bd9d8a14 e1297807a927
""".split()
# The same instruction given twice.
REPEATED = """
    22a9fa67c3aa-b02185496c5f cbedbdc9818a-3afbd56e0347 fd3b34795b73-0732ddb25c67
    ee94f8472626-baf8a02c44d3 9b1de4bb92cf-21b333bfb6b0 aca9c51dc8b1-eb43dbd7e1a6
    7e8765cd7f03-201799372788 d36884ae1b8f-87835657b2d8 be92a375f1d9-b88806cdc85d
    697751030313-ae3636e455d4
""".split()
# Neither the same nor clearly different.
UNCLEAR = """
    2b2fc4bc26d5-f35b3b7b0587
    88ca35351c51-2f1fb00ec414 735c2755fc8d-0dd95723c9ac 0360c8dbec4c-785551e18b7b
    022e5d9387a5-3ffd8111fd7c e2660bd05f74-eea495818e3a e89f0977d7e5-ec1876fad633
    60a89af392e6-6394a8ca7034 be92a375f1d9-f1eba5c4982c b88806cdc85d-f1eba5c4982c
    39fa14b981a3-e02ef086f731 39fa14b981a3-fb83e2602ea7 e02ef086f731-fb83e2602ea7
    79ddad73d036-2333246394fc c816f0d5cf14-e00a1ad0e26f cbedbdc9818a-7f573c665edb
    7f573c665edb-3afbd56e0347 8f02c465a570-fb741f4100a2 e30733be24a9-eb43dbd7e1a6
    3ffd8111fd7c-bfa468bdbfdc 022e5d9387a5-b8233bce251f 5a8cb5d9b2cd-bf35bcdda9c5
    2c473e99b1b5-bc5ab02d5d42 591e5b035e50-baf8a02c44d3 071a968cd521-9b9bd9001bea
    79daf3a05223-96460e64c067 d309bd9d8a14-81c17f16fdc4 ede39e535a6c-81c17f16fdc4
    01ec40d54d93-9d3cdc4b075b 43828b447586-094ad16395a7 17e6724bc8ea-e02ef086f731
    f890efa4e6e2-0c182cf464c0 3071e8905662-9421e1d9e919 e72b35938afc-b02185496c5f
    e72b35938afc-22a9fa67c3aa d02f443e3654-8edac25b6e3a 9d84d6c4c707-6029729538ee
    d36884ae1b8f-24a11322bbbf
""".split()
# They cannot both hold.
CONTRADICTING = """
    022e5d9387a5-bfa468bdbfdc
""".split()

NEIGHBOURS = 250
SAID = 250
STOP = set(
    "a an the is are be been to of in on at by for with and or not no do does it its this that as "
    "from we use so than just only can should must when which".split()
)


def words(text):
    found = re.findall(r"[a-z0-9_./-]+", text.lower())
    return {re.sub(r"(ing|ed|es|s)$", "", w) for w in found if w not in STOP}


def lower(text):
    """The sentence in lower case at its start, unless that is a name."""
    first = text.split(" ", 1)[0]
    return text if re.search(r"[^A-Z][A-Z]|^[A-Z]{2}|[^A-Za-z']", first) else text[0].lower() + text[1:]


def upper(text):
    return text[0].upper() + text[1:]


VERBS = (
    "Use|Prefer|Keep|Run|Test|Build|Put|Store|Render|Write|Pull|Lint|Follow|Reuse|Call|Name|Add|Record|"
    "Commit|Show|Make|Set|Handle|Treat|Log|Choose|Place|Return|Print|Read|Parse|Cut|Gzip|Order|Include|"
    "Leave|Determine|Check|Redact|Delete|Sequence|Avoid|File|Case-fold|Resolve|Verify"
)


def negated(text):
    """The sentence asking for what it forbids and the other way round; None if it has no such turn."""
    if ";" in text or ". " in text:
        return None
    # Only the main clause is turned: "so they are easier to read" is no part of what is asked.
    main = re.split(r", | so | because | since ", text, maxsplit=1)[0]
    for pattern, to in (
        (r"^(Do not|Don't|Never) (\w)", lambda m: m[2].upper()),
        (r"\bmust not\b", lambda m: "must"),
        (r"\bshould not\b", lambda m: "should"),
        (r"\bmust (?!not)", lambda m: "must not "),
        (r"\bshould (?!not)(?!be able)", lambda m: "should not "),
        (rf"^({VERBS})\b", lambda m: "Do not " + m[1].lower()),
        (r"\bdoes not\b", lambda m: "does"),
        (r"\b(is|are) not\b", lambda m: m[1]),
        (r"\b(is|are)\b (?!not)", lambda m: m[1] + " not "),
    ):
        new = re.sub(pattern, to, main, count=1)
        if new != main:
            return new + text[len(main) :]
    return None


THING = r"(`[^`]+`|\"[^\"]+\"|[\w./-]+)"


def swapped(text):
    for between in (" instead of ", " rather than ", ", not "):
        match = re.search(THING + re.escape(between) + THING, text)
        if match and match[1] != match[2]:
            a, b = match[1], match[2].rstrip(".,;")
            # Of words, only names can change places without breaking the sentence.
            if not all(re.search(r"[^a-z]", x) for x in (a, b)):
                continue
            return text[: match.start()] + b + between + a + text[match.start() + len(a + between + b) :]
    return None


def renumbered(text):
    """(kind, text) with the first number changed; None if there is none."""
    match = re.search(r"(?<![\w.-])v?\d+\.\d+(\.\d+)*", text)
    if match:
        parts = match[0].split(".")
        parts[1] = str(int(parts[1]) + 3)
        return "version", text[: match.start()] + ".".join(parts) + text[match.end() :]
    match = re.search(r"(?<![\w.#-])\d+(?=[\s.,s%]|ms|MB|$)", text)
    if match:
        return "number", text[: match.start()] + str(int(match[0]) * 2 + 1) + text[match.end() :]
    return None


def names_of(text):
    return re.findall(r"`[a-zA-Z][\w./-]*`|\b[\w-]+\.(?:go|json|md|db|yml|toml)\b|\b[a-z]+[A-Z]\w+\b|\b[A-Z][a-z]+[A-Z]\w+\b", text)


def plain_words(text):
    """The ordinary nouns of the sentence, as far as their article tells."""
    found = re.findall(r"\b(?:the|a|an|its|their)\s+([a-z]{4,})(?=[,.;]|\s(?:of|in|for|to|on|is|are|and|or|by|with|that|from)\b|$)", text)
    return [w for w in found if w not in STOP]


def form(name):
    return (name[0] == "`", name.rsplit(".", 1)[-1] if "." in name else "", name[0].isupper())


def near(texts, most, skip, others=None):
    """The pairs that share most words, best first: among the texts, or of a text and one of others."""
    bags = [(i, t, words(t)) for i, t in texts]
    rest = bags if others is None else [(i, t, words(t)) for i, t in others]
    found = []
    for i, x, a in bags:
        for j, y, b in rest:
            pair = tuple(sorted((i, j)))
            shared = len(a & b)
            if shared > 1 and pair not in skip and (i < j or (others is not None and i != j)):
                found.append((-shared / len(a | b), pair, x, y))
    return sorted(found)[:most]


def main():
    data, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    with open(data / "corrections/dev.jsonl", encoding="utf8") as lines:
        turns = {t["id"]: t for t in map(json.loads, lines) if t["durable"]}
    rows = []

    def add(id_, kind, label, a, b):
        a, b = " ".join(a.split()), " ".join(b.split())
        if a != b:
            rows.append({"id": id_, "kind": kind, "label": label, "a": a, "b": b})

    for id_ in REWORDINGS:
        add(id_, "rewording", "same", turns[id_]["lesson"], turns[id_]["span"])
    for pair in REPEATED:
        a, b = pair.split("-")
        add(pair, "repeated", "same", turns[a]["lesson"], turns[b]["lesson"])
        add(pair + "s", "repeated", "same", turns[a]["lesson"], turns[b]["span"])
    for pair in CONTRADICTING:
        a, b = pair.split("-")
        add(pair, "real", "opposite", turns[a]["lesson"], turns[b]["lesson"])
    plain = {i: plain_words(t["lesson"]) for i, t in sorted(turns.items())}
    nouns = sorted({words[-1] for words in plain.values() if words})
    names = sorted({n for t in turns.values() for n in names_of(t["lesson"])})
    for id_, turn in sorted(turns.items()):
        text = turn["lesson"]
        if new := negated(text):
            add(id_ + "-p", "polarity", "opposite", text, new)
        if new := swapped(text):
            add(id_ + "-w", "swap", "opposite", text, new)
        if new := renumbered(text):
            add(id_ + "-n", new[0], "opposite", text, new[1])
        mine = names_of(text)
        if mine:
            old = mine[0]
            others = [n for n in names if form(n) == form(old) and n not in text]
            if others:
                new = others[int(id_, 16) % len(others)]
                add(id_ + "-t", "name", "different", text, text.replace(old, new))
        if plain[id_]:
            old, new = plain[id_][-1], nouns[int(id_, 16) % len(nouns)]
            if new not in text:
                add(id_ + "-o", "word", "different", text, re.sub(rf"\b{old}\b", new, text))
    judged = [tuple(sorted(p.split("-"))) for p in REPEATED + UNCLEAR + CONTRADICTING]
    texts = [(i, t["lesson"]) for i, t in sorted(turns.items())]
    for _, (a, b), x, y in near(texts, NEIGHBOURS, set(judged)):
        add(f"{a}-{b}", "neighbour", "different", x, y)
    said = [(i, turns[i]["span"]) for i in REWORDINGS]
    for _, (a, b), x, y in near(texts, SAID, set(judged), said):
        add(f"{a}-{b}s", "neighbour", "different", x, y)
    with open(out, "w", encoding="utf8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
