-- The search index holds more now: MIME header fields of parts, reports, tabs as blanks. It is
-- filled anew in the background; until then a search reads the messages themselves.
DELETE FROM search_page;
DELETE FROM search_late;
UPDATE usage SET searched = 0;
