-- A store of version 1 (sim/store.h) with 100,000 invented points of three axes, for the report:
-- sqlite3 many.sqlite <many.sql
PRAGMA application_id = 1346458181;
PRAGMA user_version = 1;
PRAGMA journal_mode = OFF;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
INSERT INTO meta VALUES('program', 'pare-sim 0.1.0'), ('commit', 'unknown'), ('kind', 'sweep'),
 ('name', 'many'), ('sweep', ''), ('plan', '00000000000000000000000000000000'), ('points', 100000),
 ('shard', 0), ('shards', 1), ('block', 256), ('next', 391), ('layers', 0), ('complete', 1);
CREATE TABLE axis(axis INTEGER PRIMARY KEY, key TEXT, n INTEGER, stride INTEGER);
INSERT INTO axis VALUES(0, 'machine', 4, 25000), (1, 'array.rows', 25, 1000), (2, 'dram.bits_per_cycle', 1000, 1);
CREATE TABLE axis_value(axis INTEGER, digit INTEGER, value TEXT, PRIMARY KEY(axis, digit)) WITHOUT ROWID;
INSERT INTO axis_value VALUES(0, 0, 'loom1'), (0, 1, 'loom2'), (0, 2, 'stripes'), (0, 3, 'unpu');
INSERT INTO axis_value SELECT 1, value, value + 4 FROM generate_series(0, 24);
INSERT INTO axis_value SELECT 2, value, value + 16 FROM generate_series(0, 999);
CREATE TABLE stat(stat INTEGER PRIMARY KEY, name TEXT, label TEXT);
INSERT INTO stat VALUES(0, 'latency_ns', 'latency'), (1, 'area_um2', 'area'), (2, 'cycles', 'cycles'),
 (3, 'ideal_cycles', 'ideal'), (4, 'stall_cycles', 'bandwidth stall'), (5, 'energy_pj', 'energy'),
 (6, 'pe_pj', 'PE arithmetic'), (7, 'dram_weight_pj', 'DRAM weights'), (8, 'dram_bits', 'DRAM traffic'),
 (9, 'dram_weight_bits', 'weights');
CREATE TABLE point(point INTEGER PRIMARY KEY, space INTEGER NOT NULL, hash BLOB NOT NULL, error TEXT,
 latency_ns REAL, area_um2 REAL, cycles INTEGER, ideal_cycles INTEGER, stall_cycles INTEGER,
 energy_pj REAL, pe_pj REAL, dram_weight_pj REAL, dram_bits INTEGER, dram_weight_bits INTEGER);
WITH p AS (SELECT value AS i, value / 25000 AS m, value / 1000 % 25 + 4 AS r, value % 1000 + 16 AS b,
  (value * 2654435761) % 1000 AS noise FROM generate_series(0, 99999)),
 q AS (SELECT *, 3000000 / (r * (m + 2)) + 4 * noise AS ideal, 90000000 / (b * (m + 5)) AS stall FROM p)
INSERT INTO point SELECT i, i, zeroblob(16), NULL, 2.0 * (ideal + stall), 1e5 * r * (m + 2) + 200.0 * b,
 ideal + stall, ideal, stall, 1e6 * (m + 3) + 9.0 * b * 100 + 1e3 * noise, 1e6 * (m + 3), 900.0 * b + 1e3 * noise,
 10000000 + 1000 * b, 10000000 + 1000 * b FROM q;
UPDATE point SET error = 'the machine cannot run it', latency_ns = NULL WHERE point % 5000 = 17;
