/* What long work says while it goes on. */
#include "traces/trace.h"

#include <unistd.h>

static const double MINUTE_S = 60, REFRESH_S = 0.2;

pare_progress pare_progress_new(bool is_quiet)
{
    return (pare_progress){.is_tty = isatty(STDERR_FILENO) == 1, .is_quiet = is_quiet};
}

bool pare_progress_is_due(pare_progress *p, double seconds, bool is_end)
{
    if (p->is_quiet) return false;
    const bool is_due = seconds - p->last_s >= (p->is_tty ? REFRESH_S : MINUTE_S);
    if (!is_due && !(is_end && p->is_tty)) return false;
    p->last_s = seconds;
    return true;
}

void pare_buf_duration(pare_buf *b, double seconds)
{
    const unsigned long t = seconds < 1e9 ? (unsigned long)(seconds + 0.5) : 1000000000ul;
    if (t >= 3600)
        pare_buf_printf(b, "%lu:%02lu:%02lu", t / 3600, t / 60 % 60, t % 60);
    else
        pare_buf_printf(b, "%lu:%02lu", t / 60, t % 60);
}

void pare_progress_text(const char *name, const char *unit, double seconds, uint64_t done_before,
                        uint64_t done, uint64_t total, pare_buf *out)
{
    const double rate = seconds > 0 ? (double)(done - done_before) / seconds : 0;
    pare_buf_printf(out, "%s: %.1f %%, %.4g %s/s", name,
                    total ? 100 * (double)done / (double)total : 100, rate, unit);
    if (!(rate > 0) || done >= total) return;
    pare_buf_puts(out, ", ");
    pare_buf_duration(out, (double)(total - done) / rate);
    pare_buf_puts(out, " left");
}

void pare_progress_say(const pare_progress *p, const char *line, bool is_end)
{
    if (p->is_tty)
        fprintf(stderr, "\r%s\033[K%s", line, is_end ? "\n" : "");
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}
