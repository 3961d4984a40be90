/* validate.h: how other simulators' tables name what ours counts; for `pare-sim validate` and the
 * tests. */
#ifndef PARE_SIM_VALIDATE_H
#define PARE_SIM_VALIDATE_H

/* X(column of Bit Fusion's simulator, member of pare_sim_stats); bits, but for the cycles. */
#define PARE_BITFUSION_COUNTERS(X)                                                                 \
    X(total_cycles, cycles)                                                                        \
    X(wbuf_rd_bits, weight_buffer_read_bits)                                                       \
    X(wbuf_wr_bits, weight_buffer_write_bits)                                                      \
    X(ibuf_rd_bits, act_buffer_read_bits)                                                          \
    X(ibuf_wr_bits, act_buffer_write_bits)                                                         \
    X(obuf_rd_bits, out_buffer_read_bits)                                                          \
    X(obuf_wr_bits, out_buffer_write_bits)                                                         \
    X(dram_wr_bits, dram_out_bits)

#endif
