-- What a pass reads and has changed since a pass looked at it: a pass over what is new needs to look at
-- these rows and at what is tied to them, and at nothing else. Kept by triggers, so that no writer can
-- forget it. One row a thing; changed again, it is the newest.

CREATE TABLE unsettled (
    n    INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('candidate', 'lesson', 'phrasing')),
    key  TEXT NOT NULL,
    UNIQUE (kind, key)
);

CREATE TRIGGER candidate_made AFTER INSERT ON candidate BEGIN
    DELETE FROM unsettled WHERE kind = 'candidate' AND key = NEW.key;
    INSERT INTO unsettled (kind, key) VALUES ('candidate', NEW.key);
END;
CREATE TRIGGER candidate_changed AFTER UPDATE ON candidate BEGIN
    DELETE FROM unsettled WHERE kind = 'candidate' AND key = NEW.key;
    INSERT INTO unsettled (kind, key) VALUES ('candidate', NEW.key);
END;
CREATE TRIGGER lesson_made AFTER INSERT ON lesson BEGIN
    DELETE FROM unsettled WHERE kind = 'lesson' AND key = NEW.id;
    INSERT INTO unsettled (kind, key) VALUES ('lesson', NEW.id);
END;
CREATE TRIGGER lesson_changed AFTER UPDATE ON lesson BEGIN
    DELETE FROM unsettled WHERE kind = 'lesson' AND key = NEW.id;
    INSERT INTO unsettled (kind, key) VALUES ('lesson', NEW.id);
END;
CREATE TRIGGER phrasing_made AFTER INSERT ON phrasing BEGIN
    DELETE FROM unsettled WHERE kind = 'phrasing' AND key = NEW.key;
    INSERT INTO unsettled (kind, key) VALUES ('phrasing', NEW.key);
END;
CREATE TRIGGER phrasing_changed AFTER UPDATE ON phrasing BEGIN
    DELETE FROM unsettled WHERE kind = 'phrasing' AND key = NEW.key;
    INSERT INTO unsettled (kind, key) VALUES ('phrasing', NEW.key);
END;
CREATE TRIGGER lesson_shown AFTER INSERT ON exposure BEGIN
    DELETE FROM unsettled WHERE kind = 'lesson' AND key = NEW.lesson_id;
    INSERT INTO unsettled (kind, key) VALUES ('lesson', NEW.lesson_id);
END;
CREATE TRIGGER lesson_judged AFTER INSERT ON outcome BEGIN
    DELETE FROM unsettled WHERE kind = 'lesson' AND key = NEW.lesson_id;
    INSERT INTO unsettled (kind, key) VALUES ('lesson', NEW.lesson_id);
END;
CREATE TRIGGER verdict_gone AFTER DELETE ON outcome BEGIN
    DELETE FROM unsettled WHERE kind = 'lesson' AND key = OLD.lesson_id;
    INSERT INTO unsettled (kind, key) VALUES ('lesson', OLD.lesson_id);
END;
