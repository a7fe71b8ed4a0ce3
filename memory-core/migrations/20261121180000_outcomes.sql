-- What comes after a lesson was learned: where it was shown (exposure), what became of it (outcome),
-- better words for it (phrasing), work somebody declared settled (settlement), and what asking a
-- model cost (spend).

-- One row a showing. Where a lesson stays in a file, one row as long as it stays: `until` is NULL.
CREATE TABLE exposure (
    id        INTEGER PRIMARY KEY,
    lesson_id TEXT NOT NULL REFERENCES lesson (id),
    ts        INTEGER NOT NULL,
    until     INTEGER,
    channel   TEXT NOT NULL,
    -- The session that saw it, as far as known; it may not have been read yet.
    engine    TEXT,
    sid       TEXT,
    -- What was asked, or the file it stands in.
    place     TEXT NOT NULL,
    rank      INTEGER NOT NULL
);
CREATE INDEX exposure_lesson ON exposure (lesson_id);
CREATE INDEX exposure_session ON exposure (engine, sid);
CREATE INDEX exposure_standing ON exposure (place) WHERE until IS NULL;

-- `key` is derived from what was judged, so judging a session again changes nothing.
CREATE TABLE outcome (
    key       TEXT PRIMARY KEY,
    lesson_id TEXT NOT NULL REFERENCES lesson (id),
    ts        INTEGER NOT NULL,
    verdict   TEXT NOT NULL,
    source    TEXT NOT NULL,
    engine    TEXT,
    sid       TEXT,
    event_key TEXT NOT NULL,
    note      TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX outcome_lesson ON outcome (lesson_id);
CREATE INDEX outcome_session ON outcome (engine, sid);

-- Words for candidates that passed the gate; the pass reads them as one of its inputs.
CREATE TABLE phrasing (
    key  TEXT PRIMARY KEY,
    ts   INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE settlement (
    id    INTEGER PRIMARY KEY,
    ts    INTEGER NOT NULL,
    actor TEXT NOT NULL,
    head  TEXT NOT NULL,
    body  TEXT NOT NULL
);

CREATE TABLE spend (
    id          INTEGER PRIMARY KEY,
    ts          INTEGER NOT NULL,
    who         TEXT NOT NULL,
    model       TEXT NOT NULL,
    tokens_in   INTEGER NOT NULL,
    tokens_out  INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL,
    outcome     TEXT NOT NULL
);
CREATE INDEX spend_ts ON spend (ts);
