/* The PEs that are Verilated, checked and measured: parameters of pare_pe_temporal. A new one is a
 * row here (module.mk reads the rows too: one row a line, all on it).
 *
 * The last two are of no published machine. odd: nothing is a power of two, top digits are partial
 * on both sides, and its accumulator is the narrowest that elaborates, so sums overflow. wide: the
 * largest operands. */
#ifndef PARE_RTL_KINDS_H
#define PARE_RTL_KINDS_H

/* clang-format off */
/* name, lanes, act_digit, weight_digit, max_act_bits, max_weight_bits, acc_bits */
#define PARE_RTL_KINDS(X) \
    X(bitparallel, 16, 8, 8, 8, 8, 32) \
    X(stripes, 16, 1, 8, 8, 8, 32) \
    X(unpu, 16, 8, 1, 8, 8, 32) \
    X(loom1, 16, 1, 1, 8, 8, 32) \
    X(loom2, 16, 2, 1, 8, 8, 32) \
    X(loom4, 16, 4, 1, 8, 8, 32) \
    X(odd, 3, 3, 2, 7, 5, 15) \
    X(wide, 5, 4, 8, 16, 16, 36)
/* clang-format on */

#endif
