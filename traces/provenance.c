#include "traces/trace.h"

#ifndef PARE_GIT_COMMIT
#define PARE_GIT_COMMIT "unknown"
#endif

void pare_provenance(pare_buf *out, const char *program, const char *const *keys_values,
                     size_t n_pairs)
{
    pare_buf_printf(out, "# %s %s, commit %s\n", program, PARE_VERSION, PARE_GIT_COMMIT);
    for (size_t i = 0; i < n_pairs; i++)
        pare_buf_printf(out, "# %s: %s\n", keys_values[2 * i], keys_values[2 * i + 1]);
}
