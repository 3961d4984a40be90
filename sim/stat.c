/* The list of statistics as data. */
#include "sim/core.h"

static const pare_stat_info stats[] = {
#define X(name, type, group, role, label, doc)                                                     \
    {#name,                                                                                        \
     label,                                                                                        \
     doc,                                                                                          \
     PARE_STAT_##group,                                                                            \
     PARE_STAT_##role,                                                                             \
     _Generic((type)0, double                                                                      \
              : true, default                                                                      \
              : false),                                                                            \
     offsetof(pare_sim_stats, name)},
    PARE_SIM_STATS(X)
#undef X
};

const pare_stat_info *pare_sim_stat_table(size_t *n)
{
    *n = sizeof stats / sizeof *stats;
    return stats;
}

double pare_sim_stat(const pare_sim_stats *s, const pare_stat_info *info)
{
    const char *const at = (const char *)s + info->offset;
    return info->is_real ? *(const double *)(const void *)at
                         : (double)*(const uint64_t *)(const void *)at;
}
