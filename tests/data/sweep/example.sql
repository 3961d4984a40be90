-- A store of version 1 (sim/store.h), 2 machines x 2 widths x 2 bits; numbers are invented.
-- sqlite3 example.sqlite <example.sql
PRAGMA application_id = 1346458181;
PRAGMA user_version = 1;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('program', 'pare-sim 0.1.0'), ('commit', 'unknown'), ('kind', 'sweep'),
 ('name', 'example'), ('sweep', ''), ('plan', '00000000000000000000000000000000'), ('points', 8),
 ('shard', 0), ('shards', 1), ('block', 256), ('next', 1), ('layers', 0), ('complete', 1);
CREATE TABLE axis(axis INTEGER PRIMARY KEY, key TEXT, n INTEGER, stride INTEGER);
INSERT INTO axis VALUES(0, 'network', 1, 8), (1, 'machine', 2, 4), (2, 'array.rows', 2, 2), (3, 'bits', 2, 1);
CREATE TABLE axis_value(axis INTEGER, digit INTEGER, value TEXT, PRIMARY KEY(axis, digit)) WITHOUT ROWID;
INSERT INTO axis_value VALUES(0, 0, 'cnn_small'), (1, 0, 'loom1'), (1, 1, 'stripes'), (2, 0, '16'), (2, 1, '32'), (3, 0, '8'), (3, 1, 'w4a6');
CREATE TABLE stat(stat INTEGER PRIMARY KEY, name TEXT, label TEXT);
INSERT INTO stat VALUES(0, 'cycles', 'cycles'), (1, 'energy_pj', 'energy'), (2, 'area_um2', 'area'), (3, 'accuracy_frac', 'accuracy');
CREATE TABLE excluded(block INTEGER PRIMARY KEY, points INTEGER);
CREATE TABLE point(point INTEGER PRIMARY KEY, space INTEGER NOT NULL, hash BLOB NOT NULL, error TEXT,
 cycles INTEGER, energy_pj REAL, area_um2 REAL, accuracy_frac REAL);
INSERT INTO point VALUES
 (0, 0, zeroblob(16), NULL, 8000, 6.5e6, 1.0e6, 0.91), (1, 1, zeroblob(16), NULL, 3000, 3.5e6, 1.0e6, 0.90),
 (2, 2, zeroblob(16), NULL, 4200, 6.1e6, 1.9e6, 0.91), (3, 3, zeroblob(16), NULL, 1600, 3.2e6, 1.9e6, 0.90),
 (4, 4, zeroblob(16), NULL, 8100, 5.5e6, 1.2e6, 0.91), (5, 5, zeroblob(16), NULL, 6100, 4.5e6, 1.2e6, 0.90),
 (6, 6, zeroblob(16), NULL, 4300, 5.1e6, 2.2e6, 0.91),
 (7, 7, zeroblob(16), 'pe.max_act_bits is 4; at least 6 expected', NULL, NULL, NULL, NULL);
