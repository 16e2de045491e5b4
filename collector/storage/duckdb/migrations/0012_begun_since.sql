-- Where in the journal a file begins; of files begun before it is not known, and none is taken to have begun too early.
ALTER TABLE watermark ADD COLUMN since UBIGINT DEFAULT 0;

UPDATE watermark SET since = mark;
