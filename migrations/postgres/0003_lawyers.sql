-- Who assists somebody in a case: name and certified mail, as JSON.
ALTER TABLE case_role ADD COLUMN lawyer TEXT;
