-- One row an error somebody decided about; an open error has none. `changed_ns` is when.
CREATE TABLE error_decisions (
    fingerprint TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('resolved', 'ignored')),
    changed_ns INTEGER NOT NULL
);
