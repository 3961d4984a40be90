/* A struct back to YAML by the same table that read it. */
#include "traces/trace.h"

#include <stdlib.h>
#include <string.h>

/* a plain scalar that every YAML reader takes as text */
static bool is_plain(const char *s)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./";
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    if (!*s || strspn(s, safe) != strlen(s)) return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(s, words[i])) return false;
    return (*s < '0' || *s > '9') && *s != '.';
}

static void write_text(const char *s, pare_buf *out)
{
    if (is_plain(s))
        pare_buf_puts(out, s);
    else
        pare_buf_json_string(out, s);
}

static void write_names(const pare_strs *names, pare_buf *out)
{
    pare_buf_puts(out, "[");
    for (size_t i = 0; i < names->n; i++) {
        if (i) pare_buf_puts(out, ", ");
        write_text(names->v[i], out);
    }
    pare_buf_puts(out, "]");
}

static void write_value(const pare_key *k, const void *member, pare_buf *out)
{
    const uint32_t *const pair = member;
    switch (k->type) {
    case PARE_KEY_U32: pare_buf_printf(out, "%u", *(const uint32_t *)member); break;
    case PARE_KEY_U64:
        pare_buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)member);
        break;
    case PARE_KEY_REAL: pare_buf_real(out, *(const double *)member); break;
    case PARE_KEY_BOOL: pare_buf_puts(out, *(const bool *)member ? "true" : "false"); break;
    case PARE_KEY_STR:
    case PARE_KEY_NAME: write_text(*(const char *const *)member, out); break;
    case PARE_KEY_ENUM: pare_buf_puts(out, k->choices[*(const int *)member]); break;
    case PARE_KEY_PAIR:
        if (pair[0] == pair[1])
            pare_buf_printf(out, "%u", pair[0]);
        else
            pare_buf_printf(out, "[%u, %u]", pair[0], pair[1]);
        break;
    case PARE_KEY_NAMES: write_names(member, out); break;
    case PARE_KEY_MAP:
    case PARE_KEY_MAPS:
    case PARE_KEY_ANY: break;
    }
}

static bool is_empty(const pare_key *k, const void *member)
{
    switch (k->type) {
    case PARE_KEY_STR:
    case PARE_KEY_NAME: return !*(const char *const *)member || !**(const char *const *)member;
    case PARE_KEY_NAMES: return ((const pare_strs *)member)->n == 0;
    case PARE_KEY_MAPS: return ((const pare_maps *)member)->n == 0;
    case PARE_KEY_ANY: return true;
    default: return false;
    }
}

/* numbers are compared as numbers: 0.50 and 0.5 are the same default */
static bool is_default(const pare_key *k, const char *text)
{
    if (!k->def) return false;
    if (k->type == PARE_KEY_REAL) return strtod(k->def, NULL) == strtod(text, NULL);
    return !strcmp(k->def, text);
}

static void write_item(const pare_schema *s, const void *in, pare_buf *out)
{
    bool first = true;
    pare_buf_puts(out, "{");
    for (size_t i = 0; i < s->n_keys; i++) {
        const pare_key *const k = &s->keys[i];
        const void *const member = (const char *)in + k->offset;
        if (is_empty(k, member)) continue;
        pare_buf value = {0};
        if (k->type == PARE_KEY_MAP)
            write_item(k->sub, member, &value);
        else
            write_value(k, member, &value);
        if (value.n && !is_default(k, value.text)) {
            pare_buf_printf(out, "%s%s: %s", first ? "" : ", ", k->name, value.text);
            first = false;
        }
        pare_buf_free(&value);
    }
    pare_buf_puts(out, "}");
}

static void write_map(const pare_schema *s, const void *in, int indent, pare_buf *out)
{
    for (size_t i = 0; i < s->n_keys; i++) {
        const pare_key *const k = &s->keys[i];
        const void *const member = (const char *)in + k->offset;
        if (is_empty(k, member)) continue;
        pare_buf_printf(out, "%*s%s:", indent, "", k->name);
        if (k->type == PARE_KEY_MAP) {
            pare_buf_puts(out, "\n");
            write_map(k->sub, member, indent + 2, out);
        } else if (k->type == PARE_KEY_MAPS) {
            const pare_maps *const maps = member;
            pare_buf_puts(out, "\n");
            for (size_t j = 0; j < maps->n; j++) {
                pare_buf_printf(out, "%*s- ", indent + 2, "");
                write_item(k->sub, (const char *)maps->v + j * k->sub->size, out);
                pare_buf_puts(out, "\n");
            }
        } else {
            pare_buf_puts(out, " ");
            write_value(k, member, out);
            pare_buf_puts(out, "\n");
        }
    }
}

void pare_schema_write(const pare_schema *schema, const void *in, pare_buf *out)
{
    write_map(schema, in, 0, out);
}
