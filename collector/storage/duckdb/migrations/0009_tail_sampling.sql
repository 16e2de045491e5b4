-- How many spans each stands for, since files may be sampled when they are finished.
ALTER TABLE spans ADD COLUMN adjusted_count UINTEGER DEFAULT 1;

CREATE TABLE tail_sampling (one_of UINTEGER NOT NULL);

INSERT INTO tail_sampling VALUES (1);
