/* expr.h: the small language of a sweep's constraints; not for anyone else.
 *
 *   or        a or b        and       a and b       not a
 *   compare   a < b  <= > >= == !=  (texts in quotes: == and != only)
 *   sum       a + b, a - b  product   a * b, a / b, a % b     power a ^ b   sign -a
 *   call      min(a, b) max(a, b) abs floor ceil round sqrt log2
 *   name      array.rows    number    12, 1.5e3              text 'loom1'
 *
 * Everything is a double; truth is 0 or 1. `and` and `or` do not look at their second half if the
 * first decides, so that `b != 0 and a / b > 2` is never a division by zero.
 */
#ifndef PARE_SIM_EXPR_H
#define PARE_SIM_EXPR_H
#include "traces/trace.h"

typedef struct expr expr;

/* A value while evaluating: a text if `text` is not NULL. */
typedef struct expr_value {
    double number;
    const char *text;
} expr_value;

/* What a name means: its number among the variables, and whether it is a text. false: unknown, and
 * *near may be set to the nearest known name. */
typedef bool expr_resolve_fn(void *context, const char *name, unsigned *variable, bool *is_text,
                             const char **near);
/* The value of a variable at the point in question. */
typedef expr_value expr_lookup_fn(void *context, unsigned variable);

/* Parse and check. Errors say where in the text: "column 7: ..."; `e` gets no file or line. */
pare_status expr_parse(const char *text, expr_resolve_fn *resolve, void *context, pare_arena *a,
                       expr **out, pare_err *e) PARE_MUST_CHECK;
/* Is it true there? A division by zero or a result that is no number is PARE_EINPUT. */
pare_status expr_holds(const expr *x, expr_lookup_fn *lookup, void *context, bool *holds,
                       pare_err *e) PARE_MUST_CHECK;
/* The value of the left and right side of a comparison that is the whole expression; false if it
 * is something else. */
bool expr_sides(const expr *x, expr_lookup_fn *lookup, void *context, double sides[2]);
const char *expr_text(const expr *x);
/* Does it use a variable for which `is_one` is true? */
bool expr_uses(const expr *x, bool (*is_one)(void *context, unsigned variable), void *context);

#endif
