#!/usr/bin/env python3
"""The Pareto front of a sweep's store, from Python through the C library: no binding is built.

front.py STORE [PICTURE.png]   (the picture needs matplotlib; PARE_LIB: where libpare.so is)
"""
import ctypes as c
import os
import sys

pare = c.CDLL(os.environ.get("PARE_LIB", "libpare.so.0"))


class Err(c.Structure):
    _fields_ = [("status", c.c_int), ("line", c.c_uint32), ("column", c.c_uint32), ("file", c.c_char * 256), ("text", c.c_char * 512)]


class Row(c.Structure):
    _fields_ = [("point", c.c_uint64), ("space", c.c_uint64), ("hash", c.c_ubyte * 16), ("error", c.c_char_p), ("values", c.POINTER(c.c_double))]


RowFunction = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Row), c.POINTER(Err))


def check(status, e):
    if status:
        sys.exit(f"{e.file.decode()}: {e.text.decode()}" if e.file else e.text.decode())


def points(path, columns):
    """The points' numbers and their values of the columns."""
    e, store = Err(), c.c_void_p()
    check(pare.pare_store_open(path.encode(), c.byref(store), c.byref(e)), e)
    at = [pare.pare_store_column(store, name.encode()) for name in columns]
    if min(at) < 0:
        sys.exit(f"{path}: no column '{columns[at.index(-1)]}'")
    found = []

    def take(_context, row, _e):
        if not row.contents.error:
            found.append((row.contents.point, [row.contents.values[k] for k in at]))
        return 0

    check(pare.pare_store_each(store, RowFunction(take), None, c.byref(e)), e)
    pare.pare_store_close(store)
    return found


def front(found, k):
    """Which of the points no other one beats."""
    n = len(found)
    values = (c.c_double * (n * k))(*[v for _, row in found for v in row])
    is_on = (c.c_bool * n)()
    pare.pare_pareto(values, c.c_size_t(n), c.c_size_t(k), is_on)
    return sorted((row, point) for (point, row), on in zip(found, is_on) if on)


def main():
    columns = ["cycles", "energy_pj"]
    found = points(sys.argv[1], columns)
    best = front(found, len(columns))
    print(f"{len(best)} of {len(found)} points are on the front")
    for row, point in best:
        print(f"point {point}: {row[0]:.0f} cycles, {row[1] / 1e6:.3f} uJ")
    if len(sys.argv) > 2:
        import matplotlib
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
        plt.scatter([r[0] for _, r in found], [r[1] / 1e6 for _, r in found], s=12, color="#7f7f7f")
        plt.step([r[0] for r, _ in best], [r[1] / 1e6 for r, _ in best], where="post", color="#0072b2", marker="o")
        plt.xlabel("cycles")
        plt.ylabel("energy, uJ")
        plt.savefig(sys.argv[2], dpi=120)


main()
