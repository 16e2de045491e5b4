-- How far the journal in front of the store is stored, committed together with the rows.
CREATE TABLE watermark (mark UBIGINT NOT NULL, turn UBIGINT NOT NULL);

INSERT INTO watermark VALUES (0, 0);
