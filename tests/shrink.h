/* shrink.h: make a failing case small. A case is an array of numbers; each has a simplest value. */
#ifndef SHRINK_H
#define SHRINK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does the case still fail in the way that is looked for? A case that makes no sense does not. */
typedef bool shrink_fails(void *context, const uint32_t *value);

/* Try values between the simplest and the present one, the simplest first, then ever nearer ones;
 * keep the first that fails. True if one did. */
static inline bool shrink_one(uint32_t *value, const uint32_t *simplest, size_t i,
                              shrink_fails *fails, void *context, size_t *n_tries)
{
    const uint32_t now = value[i];
    const bool is_above = now > simplest[i];
    for (uint32_t gap = is_above ? now - simplest[i] : simplest[i] - now; gap > 0; gap /= 2) {
        value[i] = is_above ? now - gap : now + gap;
        ++*n_tries;
        if (fails(context, value)) return true;
    }
    value[i] = now;
    return false;
}

/* Make the case one that fails, but in which no single value can be made simpler by the steps
 * above (1-minimal). `value` fails on entry. Returns the number of cases tried. */
static inline size_t shrink(uint32_t *value, const uint32_t *simplest, size_t n,
                            shrink_fails *fails, void *context)
{
    size_t n_tries = 0;
    for (bool is_smaller = true; is_smaller;) {
        is_smaller = false;
        for (size_t i = 0; i < n; i++)
            while (shrink_one(value, simplest, i, fails, context, &n_tries)) is_smaller = true;
    }
    return n_tries;
}

#endif
