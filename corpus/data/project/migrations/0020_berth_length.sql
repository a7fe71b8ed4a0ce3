-- Nullable first; 0021 fills it in for existing berths.
ALTER TABLE berths ADD COLUMN length_cm INTEGER;
