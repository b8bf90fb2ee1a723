"""The tables of one model's feedback in SQLite, and the statements on them."""

FORMAT = 1
CREATE = """
CREATE TABLE IF NOT EXISTS predictions (
    id TEXT NOT NULL, row INTEGER NOT NULL, at REAL NOT NULL, version TEXT NOT NULL, output,
    PRIMARY KEY (id, row)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS predictions_at ON predictions (at, version);
CREATE TABLE IF NOT EXISTS labels (
    id TEXT NOT NULL, row INTEGER NOT NULL, at REAL NOT NULL, label,
    version TEXT, output, predicted_at REAL,
    PRIMARY KEY (id, row)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_at ON labels (at);
CREATE INDEX IF NOT EXISTS labels_of ON labels (version, predicted_at);
"""
# A request that was asked of two revisions was answered by the later one.
PREDICT = """
INSERT INTO predictions (id, row, at, version, output) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id, row) DO UPDATE
SET at = excluded.at, version = excluded.version, output = excluded.output
WHERE excluded.at >= predictions.at
"""
# A label waits for what was predicted before it came, not for an id that is used again later.
JOIN = """
UPDATE labels SET version = ?4, output = ?5, predicted_at = ?3
WHERE id = ?1 AND row = ?2 AND version IS NULL AND ?3 <= at + ?6
"""
# Sent again it takes the place of what was said before, and keeps its prediction.
LABEL = """
INSERT INTO labels (id, row, at, label, version, output, predicted_at)
SELECT ?1, ?2, ?3, ?4, p.version, p.output, p.at
FROM (SELECT 1) LEFT JOIN predictions p ON p.id = ?1 AND p.row = ?2
WHERE true
ON CONFLICT (id, row) DO UPDATE
SET at = excluded.at, label = excluded.label,
    version = coalesce(excluded.version, version),
    output = CASE WHEN excluded.version IS NULL THEN output ELSE excluded.output END,
    predicted_at = coalesce(excluded.predicted_at, predicted_at)
"""
KNOWN = "SELECT version IS NOT NULL FROM labels WHERE id = ? AND row = ?"
COUNT = "SELECT count(*) FROM {table}"
PREDICTIONS = "SELECT version, count(*) FROM predictions WHERE at >= ? GROUP BY version"
WAITING = "SELECT count(*) FROM labels WHERE version IS NULL"
# total() is sum() that never overflows; of classes both sides are texts, of numbers both REAL.
SUMS = """
SELECT version, typeof(output) = 'real', count(*), total(label = output),
       total(abs(e)), total(e * e), total(e * e * e * e)
FROM (
    SELECT version, label, output,
           CASE typeof(output) WHEN 'real' THEN label - output END AS e
    FROM labels
    WHERE version IS NOT NULL AND predicted_at >= ? AND typeof(label) = typeof(output)
)
GROUP BY version, typeof(output) = 'real'
"""
FORGET = "DELETE FROM {table} WHERE at < ?"
# What is kept beyond the bound goes, the oldest first.
TRIM = """
DELETE FROM predictions WHERE (id, row) IN
(SELECT id, row FROM predictions ORDER BY at LIMIT ?)
"""
