/* The machines (rtl/pare_accel.sv) that are Verilated: its parameters. A new one is a row here and
 * a file of the same name in sim/machines (module.mk reads the rows too: one row a line, all on
 * it). */
#ifndef PARE_RTL_ACCELS_H
#define PARE_RTL_ACCELS_H

/* clang-format off */
/* name, rows, cols, lanes, act_digit, weight_digit, max_act_bits, max_weight_bits, acc_bits,
 * mem_bits, weight_planes, act_planes, out_bytes, max_filters, skew, PE (pare_accel_pe),
 * recoding of terms (pare_recoding), bits of their first shifter */
#define PARE_RTL_ACCELS(X) \
    X(pare4, 4, 4, 8, 1, 1, 8, 8, 32, 32, 4096, 16384, 16384, 1024, 0, 0, 0, 0) \
    X(pare4_skew, 4, 4, 8, 1, 8, 8, 8, 32, 32, 4096, 16384, 16384, 1024, 1, 0, 0, 0) \
    X(pare_odd, 6, 3, 4, 2, 4, 7, 6, 20, 8, 256, 512, 256, 48, 0, 0, 0, 0) \
    X(pare_fusion, 4, 4, 2, 2, 2, 8, 8, 32, 64, 8192, 32768, 16384, 1024, 0, 1, 0, 0) \
    X(pare_fusion_odd, 4, 3, 1, 2, 2, 8, 8, 20, 8, 1024, 4096, 512, 48, 1, 1, 0, 0) \
    X(pare_term, 8, 4, 4, 1, 8, 8, 8, 32, 32, 4096, 16384, 16384, 1024, 0, 2, 2, 2) \
    PARE_RTL_LARGE_ACCELS(X)
/* Built with `make RTL_LARGE=1` only: its C++ takes a minute. */
#ifdef PARE_RTL_LARGE
#define PARE_RTL_LARGE_ACCELS(X) \
    X(pare16, 16, 16, 16, 1, 1, 8, 8, 32, 128, 2048, 16384, 16384, 1024, 0, 0, 0, 0)
#else
#define PARE_RTL_LARGE_ACCELS(X)
#endif
/* clang-format on */

#endif
