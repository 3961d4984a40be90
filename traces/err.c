#include "traces/trace.h"

#include <stdarg.h>
#include <string.h>

pare_status pare_err_set(pare_err *e, pare_status status, const char *file, pare_pos pos,
                         const char *fmt, ...)
{
    if (!e || e->status != PARE_OK) return status;
    e->status = status;
    e->line = pos.line;
    e->column = pos.column;
    snprintf(e->file, sizeof e->file, "%s", file ? file : "");
    va_list args;
    va_start(args, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, args);
    va_end(args);
    /* the promise is one line, whatever a file's bytes were */
    for (char *c = e->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
    return status;
}

void pare_err_print(const pare_err *e, FILE *out)
{
    if (e->file[0]) fprintf(out, "%s:", e->file);
    if (e->file[0] && e->line) fprintf(out, "%u:", e->line);
    if (e->file[0] && e->line && e->column) fprintf(out, "%u:", e->column);
    fprintf(out, "%s%s\n", e->file[0] ? " " : "", e->text);
}
