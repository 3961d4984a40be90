#include "sim/store_write.h"
pare_status sweep_search(const pare_sweep *s, store_writer *store,
                         const pare_sweep_options *options, pare_sweep_summary *out, pare_err *e)
{
    (void)s;
    (void)store;
    (void)options;
    (void)out;
    return pare_err_set(e, PARE_EFAIL, NULL, (pare_pos){0, 0}, "stub");
}
