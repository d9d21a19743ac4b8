-- Under which root a certificate is, by its fingerprint in hexadecimal. NULL: under the first, from before roots could change.
ALTER TABLE certificates ADD COLUMN root TEXT;
ALTER TABLE endpoints ADD COLUMN root TEXT;     -- of the certificate that opened its last stream: a root that it knows
