-- The first shape of the store: what was read (source), what happened (session, event), what might
-- be learned (candidate), what was learned (lesson) and every change to it (lesson_log).

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

-- Counts every change of candidates and lessons, so that a pass can tell whether what it read is
-- still what it is about to change.
INSERT INTO meta (key, value) VALUES ('revision', '0');
INSERT INTO meta (key, value) VALUES ('store_id', lower(hex(randomblob(16))));

-- One row a file; committed together with the events it covers.
CREATE TABLE source (
    id       INTEGER PRIMARY KEY,
    path     TEXT NOT NULL UNIQUE,
    format   TEXT NOT NULL,
    offset   INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    head     TEXT NOT NULL,
    reader   INTEGER NOT NULL,
    state    TEXT NOT NULL
);

CREATE TABLE session (
    id             INTEGER PRIMARY KEY,
    engine         TEXT NOT NULL,
    sid            TEXT NOT NULL,
    parent         TEXT,
    engine_version TEXT,
    title          TEXT,
    cwd            TEXT,
    branch         TEXT,
    started        INTEGER,
    ended          INTEGER,
    -- 1 while events wait for extraction: a crash between reading and extracting loses nothing.
    dirty          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (engine, sid)
);
CREATE INDEX session_dirty ON session (dirty) WHERE dirty = 1;

-- Append-only. `key` is engine-prefixed: the same row met again in another file adds nothing.
CREATE TABLE event (
    seq        INTEGER PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES session (id),
    source_id  INTEGER NOT NULL REFERENCES source (id),
    key        TEXT NOT NULL UNIQUE,
    row_id     TEXT NOT NULL,
    ts         INTEGER,
    actor      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    body       TEXT NOT NULL,
    cwd        TEXT,
    branch     TEXT,
    offset     INTEGER NOT NULL,
    len        INTEGER NOT NULL
);
CREATE INDEX event_session ON event (session_id, seq);

CREATE TABLE candidate (
    key        TEXT PRIMARY KEY,
    session_id INTEGER NOT NULL REFERENCES session (id),
    signal     TEXT NOT NULL,
    body       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('new', 'absorbed', 'dropped', 'gone')),
    lesson_id  TEXT,
    reason     TEXT
) WITHOUT ROWID;
CREATE INDEX candidate_session ON candidate (session_id);
CREATE INDEX candidate_state ON candidate (state);

-- Never deleted: an index learns of a retired lesson by its new `seq`.
CREATE TABLE lesson (
    id     TEXT PRIMARY KEY,
    seq    INTEGER NOT NULL UNIQUE,
    type   TEXT NOT NULL,
    status TEXT NOT NULL,
    body   TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX lesson_status ON lesson (status);

-- One row a change; rows of one transaction share `op`, the unit of undo.
CREATE TABLE lesson_log (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    op        INTEGER NOT NULL,
    ts        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    verb      TEXT NOT NULL,
    note      TEXT NOT NULL,
    lesson_id TEXT NOT NULL,
    before    TEXT,
    after     TEXT NOT NULL,
    undone_by INTEGER
);
CREATE INDEX lesson_log_lesson ON lesson_log (lesson_id);
CREATE INDEX lesson_log_op ON lesson_log (op);
