//! Definitions, language by language.

use proptest::prelude::*;

use super::languages::Language;
use super::scan::{definitions, holds, language, quote};

/// A file, its text, and what it defines: name, line, head.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, usize, &'a str)]);

const CASES: &[Case<'_>] = &[
    (
        "a.rs",
        "//! fn no\npub(crate) async fn rotate<'a>(\n    token: &'a Token,\n    now: u64,\n) -> Result<Token> {\n    body(rotate)\n}\nconst MAX_AGE: u64 = 30; // days\nstruct Token {\n    id: u32,\n}\nimpl Token {\n    const fn new(id: u32) -> Self { Self { id } }\n}\nmacro_rules! say { () => {} }\n",
        &[
            (
                "rotate",
                2,
                "pub(crate) async fn rotate<'a>( token: &'a Token, now: u64, ) -> Result<Token>",
            ),
            ("MAX_AGE", 8, "const MAX_AGE: u64 = 30;"),
            ("Token", 9, "struct Token"),
            ("new", 13, "const fn new(id: u32) -> Self"),
            ("say", 15, "macro_rules! say"),
        ],
    ),
    (
        "a.py",
        "import os\nLIMIT: int = 3  # tries\nclass Store(Base):\n    async def fetch(self, key: str, *, default={}) -> dict[str, int]:\n        limit = 4\n",
        &[
            ("LIMIT", 2, "LIMIT: int = 3"),
            ("Store", 3, "class Store(Base)"),
            ("fetch", 4, "async def fetch(self, key: str, *, default={}) -> dict[str, int]"),
            ("limit", 0, ""),
        ],
    ),
    (
        "a.ts",
        "export default async function load(id: string): Promise<User> {\n  return fetchUser(id);\n}\nexport const limit = 5;\nexport const useUser = (id: string) => {\n};\nclass Repo {\n  private async save(user: User): Promise<void> {\n    if (user) {\n  }\n  handle = async (e: Event) => {\n}\nexport type Id = string;\nenum Kind { A }\n",
        &[
            ("load", 1, "export default async function load(id: string): Promise<User>"),
            ("limit", 4, "export const limit = 5;"),
            ("useUser", 5, "export const useUser = (id: string) =>"),
            ("Repo", 7, "class Repo"),
            ("save", 8, "private async save(user: User): Promise<void>"),
            ("handle", 11, "handle = async (e: Event) =>"),
            ("Id", 13, "export type Id = string;"),
            ("Kind", 14, "enum Kind"),
            ("fetchUser", 0, ""),
            ("if", 0, ""),
        ],
    ),
    (
        "a.go",
        "package a\nfunc (s *Store) Get(key string) (int, error) {\n\treturn fetch(key)\n}\ntype Store struct {\n}\nconst (\n\tMaxTries int = 3\n)\nvar ErrGone = errors.New(\"gone\")\n",
        &[
            ("Get", 2, "func (s *Store) Get(key string) (int, error)"),
            ("Store", 5, "type Store struct"),
            ("MaxTries", 8, "MaxTries int = 3"),
            ("ErrGone", 10, "var ErrGone = errors.New(\"gone\")"),
            ("fetch", 0, ""),
        ],
    ),
    (
        "A.java",
        "@Service\npublic final class Repo extends Base {\n  private static final int MAX = 3;\n  public Repo(Db db) {\n  }\n  @Override public List<User> find(\n      String name) throws IOException {\n    return load(name);\n  }\n}\nrecord Point(int x, int y) {}\n",
        &[
            ("Repo", 2, "public final class Repo extends Base"),
            ("MAX", 3, "private static final int MAX = 3;"),
            ("find", 6, "@Override public List<User> find( String name) throws IOException"),
            ("Point", 11, "record Point(int x, int y)"),
            ("load", 0, ""),
        ],
    ),
    (
        "a.kt",
        "data class User(val id: Int)\nsuspend fun <T> String.parse(x: T): Int {\n}\nconst val MAX = 3\nobject Db\n",
        &[
            ("User", 1, "data class User(val id: Int)"),
            ("parse", 2, "suspend fun <T> String.parse(x: T): Int"),
            ("MAX", 4, "const val MAX = 3"),
            ("Db", 5, "object Db"),
        ],
    ),
    (
        "a.c",
        "#define MAX_LEN 64\nstatic const char *name_of(struct node *n,\n                           int flags)\n{\n  return lookup(n);\n}\nstruct node {\n};\ntypedef unsigned int word_t;\n",
        &[
            ("MAX_LEN", 1, "#define MAX_LEN 64"),
            ("name_of", 2, "static const char *name_of(struct node *n, int flags)"),
            ("node", 7, "struct node"),
            ("word_t", 9, "typedef unsigned int word_t;"),
            ("lookup", 0, ""),
        ],
    ),
    (
        "a.cpp",
        "namespace app {\nclass Store final : public Base {\n  virtual std::vector<int> get(const Key& key) const override;\n};\nstd::vector<int> Store::get(const Key& key) const {\n  return find(key);\n}\nusing Id = int;\n}\n",
        &[
            ("app", 1, "namespace app"),
            ("Store", 2, "class Store final : public Base"),
            ("get", 3, "virtual std::vector<int> get(const Key& key) const override;"),
            ("Id", 8, "using Id = int;"),
            ("find", 0, ""),
        ],
    ),
    (
        "a.cs",
        "namespace App.Core {\n  public sealed class Repo : IRepo {\n    public async Task<User?> FindAsync(int id) {\n      return await LoadAsync(id);\n    }\n    public int Count { get; set; }\n    private const int Max = 3;\n  }\n}\n",
        &[
            ("Repo", 2, "public sealed class Repo : IRepo"),
            ("FindAsync", 3, "public async Task<User?> FindAsync(int id)"),
            ("Count", 6, "public int Count"),
            ("Max", 7, "private const int Max = 3;"),
            ("LoadAsync", 0, ""),
        ],
    ),
    (
        "a.rb",
        "module App\n  class Repo < Base\n    MAX = 3 # tries\n    def self.find(id, opts = {})\n      load(id)\n    end\n    def empty?\n",
        &[
            ("App", 1, "module App"),
            ("Repo", 2, "class Repo < Base"),
            ("MAX", 3, "MAX = 3"),
            ("find", 4, "def self.find(id, opts = {})"),
            ("empty?", 7, "def empty?"),
            ("load", 0, ""),
        ],
    ),
    (
        "a.php",
        "<?php\nfinal class Repo {\n    private ?int $limit = 3;\n    public const MAX = 5;\n    public function find(int $id): ?User {\n        return $this->load($id);\n    }\n}\n",
        &[
            ("Repo", 2, "final class Repo"),
            ("limit", 3, "private ?int $limit = 3;"),
            ("MAX", 4, "public const MAX = 5;"),
            ("find", 5, "public function find(int $id): ?User"),
            ("load", 0, ""),
        ],
    ),
    (
        "run.sh",
        "#!/bin/sh\nexport TARGET=release\nbuild_all() {\n  build x\n}\nfunction clean {\n}\n",
        &[
            ("TARGET", 2, "export TARGET=release"),
            ("build_all", 3, "build_all()"),
            ("clean", 6, "function clean"),
            ("build", 0, ""),
        ],
    ),
    (
        "a.swift",
        "public struct User: Codable {\n  let id: Int\n  @discardableResult mutating func rename(_ name: String) -> Bool {\n  }\n}\nprotocol Store {}\n",
        &[
            ("User", 1, "public struct User: Codable"),
            ("id", 2, "let id: Int"),
            ("rename", 3, "@discardableResult mutating func rename(_ name: String) -> Bool"),
            ("Store", 6, "protocol Store"),
        ],
    ),
    (
        "a.scala",
        "case class User(id: Int)\n  override def find(id: Int): User = load(id)\n",
        &[
            ("User", 1, "case class User(id: Int)"),
            ("find", 2, "override def find(id: Int): User = load(id)"),
        ],
    ),
    (
        "a.dart",
        "class Repo extends Base {\n  Future<User> find(int id) async {\n  }\n  static const max = 3;\n",
        &[("Repo", 1, "class Repo extends Base"), ("find", 2, "Future<User> find(int id) async")],
    ),
    (
        "a.lua",
        "local function find(id)\nfunction Repo:load(id)\nRepo.max = 3\n",
        &[
            ("find", 1, "local function find(id)"),
            ("load", 2, "function Repo:load(id)"),
            ("max", 3, "Repo.max = 3"),
        ],
    ),
    (
        "a.ex",
        "defmodule App.Repo do\n  @limit 3\n  def find(id), do: load(id)\n",
        &[
            ("Repo", 1, "defmodule App.Repo do"),
            ("limit", 2, "@limit 3"),
            ("find", 3, "def find(id), do: load(id)"),
        ],
    ),
    (
        "a.sql",
        "CREATE TABLE IF NOT EXISTS users (\n  email text NOT NULL\n);\n",
        &[("users", 1, "CREATE TABLE IF NOT EXISTS users ("), ("email", 2, "email text NOT NULL")],
    ),
    (
        "a.proto",
        "message User {\n}\nservice Users {\n  rpc Find(Id) returns (User);\n",
        &[("User", 1, "message User {"), ("Find", 4, "rpc Find(Id) returns (User);")],
    ),
    (
        "a.tf",
        "resource \"aws_s3_bucket\" \"logs\" {\nvariable \"region\" {\n",
        &[
            ("logs", 1, "resource \"aws_s3_bucket\" \"logs\" {"),
            ("region", 2, "variable \"region\" {"),
        ],
    ),
    (
        "Makefile",
        "CC ?= cc\nlint: deps ## checks\n\tcargo clippy\n.PHONY: lint\n",
        &[("CC", 1, "CC ?= cc"), ("lint", 2, "lint: deps"), ("cargo", 0, "")],
    ),
    (
        "Dockerfile.dev",
        "FROM rust:1 AS build\nARG VERSION=1\n",
        &[("build", 1, "FROM rust:1 AS build"), ("VERSION", 2, "ARG VERSION=1")],
    ),
    (
        "package.json",
        "{\n  \"scripts\": {\n    \"lint:fix\": \"eslint --fix .\",\n  }\n}\n",
        &[("scripts", 2, "\"scripts\": {"), ("lint:fix", 3, "\"lint:fix\": \"eslint --fix .\",")],
    ),
    (
        "Cargo.toml",
        "[profile.release]\nlto = \"thin\" # why\n",
        &[("profile.release", 1, "[profile.release]"), ("lto", 2, "lto = \"thin\"")],
    ),
    (
        "ci.yml",
        "jobs:\n  unit tests:\n    runs-on: ubuntu\n  - name: x\n",
        &[("jobs", 1, "jobs:"), ("runs-on", 3, "runs-on: ubuntu"), ("name", 4, "- name: x")],
    ),
];

#[test]
fn every_language_has_a_case_and_defines_what_it_says() {
    for (file, text, wanted) in CASES {
        for (name, line, head) in *wanted {
            let found = definitions(file, text, name);
            let first = found.first().map(|d| (d.line, d.head.as_str()));
            let want = (*line > 0).then_some((*line, *head));
            assert_eq!(first, want, "{name} in {file}: {found:?}");
        }
    }
    for language in Language::all() {
        let name = language.name;
        assert!(CASES.iter().any(|(file, ..)| super::scan::language(file) == Some(name)), "{name}");
        language.pattern();
    }
    assert_eq!(language("notes.md"), None);
    assert_eq!(definitions("notes.md", "fn x()", "x"), []);
}

#[test]
fn what_says_the_same_holds_and_what_does_not_drifts() {
    let a = "fn rotate(token: &Token) -> Token";
    for same in [
        "pub fn rotate(token: &Token) -> Token",
        "pub(crate) fn rotate( token: &Token, ) -> Token",
        "fn  rotate(token:&Token)->Token",
    ] {
        assert!(holds("a.rs", a, same), "{same}");
    }
    for other in ["fn rotate(token: Token) -> Token", "async fn rotate(token: &Token) -> Token", ""]
    {
        assert!(!holds("a.rs", a, other), "{other}");
    }
    // Of a key with a value only the key counts, unless the rule speaks of the value.
    let line = "\"timeout\": 30,";
    assert_eq!(quote("a.json", line, "Keep the `timeout`."), "\"timeout\":");
    assert_eq!(quote("a.json", line, "Keep the `timeout` at 30."), line);
    assert_eq!(quote("a.json", line, "Keep the `timeout` at 300."), "\"timeout\":");
    assert!(holds("a.json", "\"timeout\":", "\"timeout\": 60"));
    assert!(!holds("a.json", line, "\"timeout\": 60"));
    assert_eq!(quote("a.rs", "const A: u8 = 1;", "x"), "const A: u8 = 1;");
}

#[test]
fn a_minified_or_endless_text_takes_no_time() {
    let began = std::time::Instant::now();
    let long = format!("function a(){{{}}}", "a(1,".repeat(100_000));
    assert_eq!(definitions("a.js", &long, "a"), []);
    let many = "fn a(\n".repeat(60_000);
    assert_eq!(definitions("a.rs", &many, "a").len(), 64);
    let calls = "    a(b, c);\n".repeat(40_000);
    for file in ["a.c", "a.java", "a.ts", "a.cs"] {
        assert_eq!(definitions(file, &calls, "nowhere"), []);
        assert!(definitions(file, &calls, "a").len() <= 64);
    }
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,400}", name in "\\PC{0,6}", at in 0..CASES.len()) {
        let (file, own, wanted) = CASES[at];
        prop_assert!(definitions(file, &text, &name).len() <= 64);
        // A definition between any two texts is found, with a bounded head.
        let (name, line, _) = wanted[0];
        let mixed = format!("{text}\n{own}\n{text}");
        let found = definitions(file, &mixed, name);
        prop_assert!(line == 0 || !found.is_empty());
        prop_assert!(found.iter().all(|d| d.head.len() <= 400 && d.line > 0));
        let quoted = quote(file, &found[0].head, &text);
        prop_assert!(holds(file, &quoted, &found[0].head), "{quoted}");
    }
}
