/* The PEs that are Verilated, checked and measured: parameters of pare_pe_temporal, pare_pe_fusion
 * and pare_pe_term. A new one is a row here (module.mk reads the rows too: one row a line, all on
 * it).
 *
 * Five are of no published machine. odd, fusion_odd and ones: nothing is a power of two, and the
 * accumulator is the narrowest that elaborates, so sums overflow. wide: the largest operands. naf:
 * the recoding with the fewest terms, and a first stage that reaches all of them. */
#ifndef PARE_RTL_KINDS_H
#define PARE_RTL_KINDS_H

/* clang-format off */
/* name, pe, lanes (fusion: units), act_digit, weight_digit (fusion: of a brick; term: whole),
 * max_act_bits, max_weight_bits, acc_bits, recoding (of terms), first_stage_bits */
#define PARE_RTL_KINDS(X) \
    X(bitparallel, temporal, 16, 8, 8, 8, 8, 32, 0, 0) \
    X(stripes, temporal, 16, 1, 8, 8, 8, 32, 0, 0) \
    X(unpu, temporal, 16, 8, 1, 8, 8, 32, 0, 0) \
    X(loom1, temporal, 16, 1, 1, 8, 8, 32, 0, 0) \
    X(loom2, temporal, 16, 2, 1, 8, 8, 32, 0, 0) \
    X(loom4, temporal, 16, 4, 1, 8, 8, 32, 0, 0) \
    X(odd, temporal, 3, 3, 2, 7, 5, 15, 0, 0) \
    X(wide, temporal, 5, 4, 8, 16, 16, 36, 0, 0) \
    X(fusion, fusion, 16, 2, 2, 8, 8, 32, 0, 0) \
    X(fusion_odd, fusion, 3, 2, 2, 8, 8, 19, 0, 0) \
    X(pragmatic, term, 16, 8, 8, 8, 8, 32, 1, 2) \
    X(naf, term, 16, 8, 8, 8, 8, 32, 2, 4) \
    X(ones, term, 3, 7, 5, 7, 5, 15, 0, 1)
/* clang-format on */

#endif
