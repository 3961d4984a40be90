/* A flat netlist, the toggles of its nets, what they cost. */
#include "rtl/gates.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- names to numbers ---- */

typedef struct names {
    pare_arena *arena;
    const char ***list;
    size_t *n, capacity;
    size_t *slots, n_slots; /* number + 1; a power of two, never more than half full */
} names;

static size_t slot_of(const names *t, const char *name, size_t n)
{
    size_t i = (size_t)pare_hash_bytes(PARE_HASH_SEED, name, n) & (t->n_slots - 1);
    while (t->slots[i]) {
        const char *const there = (*t->list)[t->slots[i] - 1];
        if (!strncmp(there, name, n) && !there[n]) break;
        i = (i + 1) & (t->n_slots - 1);
    }
    return i;
}

static void rehash(names *t)
{
    free(t->slots);
    do t->n_slots = t->n_slots ? 2 * t->n_slots : 1024;
    while (t->n_slots < 2 * (*t->n + 1));
    t->slots = pare_xalloc(t->n_slots, sizeof *t->slots);
    for (size_t k = 0; k < *t->n; k++)
        t->slots[slot_of(t, (*t->list)[k], strlen((*t->list)[k]))] = k + 1;
}

static size_t number_of(names *t, const char *name, size_t n)
{
    if (2 * (*t->n + 1) > t->n_slots) rehash(t);
    const size_t i = slot_of(t, name, n);
    if (t->slots[i]) return t->slots[i] - 1;
    if (*t->n == t->capacity) {
        t->capacity = t->capacity ? 2 * t->capacity : 256;
        const char **const bigger = pare_arena_alloc(t->arena, t->capacity, sizeof *bigger);
        if (*t->n) memcpy(bigger, *t->list, *t->n * sizeof *bigger);
        *t->list = bigger;
    }
    (*t->list)[*t->n] = pare_arena_strndup(t->arena, name, n);
    t->slots[i] = ++*t->n;
    return *t->n - 1;
}

/* ---- the netlist ---- */

typedef struct reader {
    const char *name, *at, *end;
    uint32_t line;
    const pare_cells *cells;
    pare_netlist *out;
    names nets;
    size_t pin_capacity;
} reader;

static pare_status fail(const reader *r, pare_err *e, const char *word, const char *what)
{
    return pare_err_set(e, PARE_EINPUT, r->name, (pare_pos){r->line, 0}, "'%s' %s", word, what);
}

/* The next word: a name (the backslash of an escaped one dropped) or one other character. */
static bool next(reader *r, char *word, size_t size)
{
    while (r->at < r->end && isspace((unsigned char)*r->at))
        if (*r->at++ == '\n') r->line++;
    if (r->at >= r->end) return false;
    size_t n = 0;
    const bool is_escaped = *r->at == '\\';
    if (is_escaped) r->at++;
    while (r->at < r->end && n + 1 < size) {
        const char c = *r->at;
        if (is_escaped ? isspace((unsigned char)c) != 0
                       : !(isalnum((unsigned char)c) || c == '_' || c == '\'' || c == '$'))
            break;
        word[n++] = c;
        r->at++;
    }
    if (n == 0) word[n++] = *r->at++;
    word[n] = 0;
    return true;
}

static const pare_cell *find_cell(const pare_cells *c, const char *name)
{
    for (size_t i = 0; i < c->n_cells; i++)
        if (!strcmp(c->cells[i].name, name)) return &c->cells[i];
    return NULL;
}

static void add_pin(reader *r, const pare_cell_pin *pin, const char *net)
{
    pare_netlist *const o = r->out;
    if (o->n_pins == r->pin_capacity) {
        r->pin_capacity = r->pin_capacity ? 2 * r->pin_capacity : 1024;
        pare_gate_pin *const bigger = pare_arena_alloc(o->arena, r->pin_capacity, sizeof *bigger);
        if (o->n_pins) memcpy(bigger, o->pins, o->n_pins * sizeof *bigger);
        o->pins = bigger;
    }
    o->pins[o->n_pins++] = (pare_gate_pin){pin, number_of(&r->nets, net, strlen(net))};
}

/* .PIN(net) or .PIN(net[bit]); the dot is taken */
static pare_status connection(reader *r, const pare_cell *cell, pare_err *e)
{
    char pin_name[256], net[512] = "", word[256];
    if (!next(r, pin_name, sizeof pin_name) || !next(r, word, sizeof word))
        return fail(r, e, cell->name, "is cut off");
    const pare_cell_pin *pin = NULL;
    for (size_t i = 0; i < cell->n_pins; i++)
        if (!strcmp(cell->pins[i].name, pin_name)) pin = &cell->pins[i];
    if (!pin) return fail(r, e, pin_name, "is no pin of the library's cell");
    size_t n = 0;
    while (next(r, word, sizeof word) && strcmp(word, ")")) {
        const size_t more = strlen(word);
        if (n + more + 1 > sizeof net) return fail(r, e, word, "ends a name that is too long");
        memcpy(net + n, word, more + 1);
        n += more;
    }
    if (n && !strchr(net, '\'')) add_pin(r, pin, net);
    return PARE_OK;
}

/* CELL name ( connections ); the cell's name is taken */
static pare_status instance(reader *r, const pare_cell *cell, pare_err *e)
{
    char word[256];
    r->out->n_gates++;
    r->out->n_registers += cell->is_register;
    r->out->area_um2 += cell->area_um2;
    r->out->leakage_nw += cell->leakage_nw;
    while (next(r, word, sizeof word) && strcmp(word, ";"))
        if (!strcmp(word, ".")) PARE_TRY(connection(r, cell, e));
    return PARE_OK;
}

static pare_status statement(reader *r, const char *word, pare_err *e)
{
    static const char *const others[] = {"module", "input", "output", "wire", "reg", "assign"};
    char rest[256];
    if (!strcmp(word, "endmodule")) return PARE_OK;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(word, others[i])) {
            while (next(r, rest, sizeof rest) && strcmp(rest, ";")) continue;
            return PARE_OK;
        }
    const pare_cell *const cell = find_cell(r->cells, word);
    if (!cell) return fail(r, e, word, "is no cell of the library");
    return instance(r, cell, e);
}

static void skip_comment(reader *r)
{
    const char *const close = strstr(r->at, "*/");
    if (r->end - r->at > 1 && !strncmp(r->at, "/*", 2) && close) r->at = close + 2;
}

pare_status pare_netlist_parse(const char *name, const char *text, size_t n,
                               const pare_cells *cells, pare_netlist *out, pare_err *e)
{
    *out = (pare_netlist){.arena = pare_arena_new()};
    reader r = {.name = name, .at = text, .end = text + n, .line = 1, .cells = cells, .out = out};
    r.nets = (names){.arena = out->arena, .list = &out->nets, .n = &out->n_nets};
    skip_comment(&r);
    char word[256];
    pare_status status = PARE_OK;
    while (status == PARE_OK && next(&r, word, sizeof word)) status = statement(&r, word, e);
    if (status == PARE_OK && out->n_gates == 0)
        status = fail(&r, e, "endmodule", "comes before any cell");
    free(r.nets.slots);
    if (status != PARE_OK) pare_netlist_free(out);
    return status;
}

void pare_netlist_free(pare_netlist *n)
{
    pare_arena_free(n->arena);
    memset(n, 0, sizeof *n);
}

/* ---- toggles ---- */

/* A variable of the dump: its nets, from its uppermost bit; SIZE_MAX: of no interest. */
typedef struct variable {
    size_t n_bits, *nets;
    char *last;
    struct variable *alias; /* another one with the same code, or NULL */
} variable;

static char *word_of(char **at)
{
    char *const word = *at + strspn(*at, " \t\r");
    char *const end = word + strcspn(word, " \t\r");
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static size_t net_of(const names *nets, const char *name, bool is_vector, unsigned long bit)
{
    char net[512];
    const int n = is_vector ? snprintf(net, sizeof net, "%s[%lu]", name, bit)
                            : snprintf(net, sizeof net, "%s", name);
    if (n < 0 || (size_t)n >= sizeof net) return SIZE_MAX;
    const size_t number = nets->slots[slot_of(nets, net, (size_t)n)];
    return number ? number - 1 : SIZE_MAX;
}

/* "$var wire 8 ! name [7:0] $end" */
static void declare(pare_arena *a, const names *nets, names *codes, variable ***heads,
                    size_t *capacity, bool *is_dumped, char *line)
{
    word_of(&line), word_of(&line);
    const size_t width = strtoul(word_of(&line), NULL, 10);
    const char *const code = word_of(&line), *name = word_of(&line), *const range = word_of(&line);
    name += *name == '\\';
    const size_t number = number_of(codes, code, strlen(code));
    if (number >= *capacity) {
        const size_t old = *capacity;
        *capacity = 2 * number + 256;
        variable **const bigger = pare_arena_alloc(a, *capacity, sizeof *bigger);
        if (old) memcpy(bigger, *heads, old * sizeof *bigger);
        *heads = bigger;
    }
    variable *const v = pare_arena_alloc(a, 1, sizeof *v);
    *v = (variable){.n_bits = width,
                    .nets = pare_arena_alloc(a, width, sizeof *v->nets),
                    .last = pare_arena_alloc(a, width, 1),
                    .alias = (*heads)[number]};
    (*heads)[number] = v;
    const char *const colon = strchr(range, ':'); /* [high:low] or [bit] */
    const unsigned long low = *range == '[' ? strtoul(colon ? colon + 1 : range + 1, NULL, 10) : 0;
    for (size_t b = 0; b < width; b++) {
        v->nets[b] = net_of(nets, name, *range == '[', low + width - 1 - b);
        v->last[b] = 'x';
        if (v->nets[b] != SIZE_MAX) is_dumped[v->nets[b]] = true;
    }
}

/* bits from the top; a vector's leading digits may be left out */
static void change(variable *v, const char *bits, size_t n, uint64_t *toggles)
{
    const char fill = bits[0] == '1' ? '0' : bits[0];
    for (size_t b = 0; b < v->n_bits; b++) {
        const char now = b + n < v->n_bits ? fill : bits[b + n - v->n_bits];
        const char before = v->last[b];
        v->last[b] = now;
        if (v->nets[b] != SIZE_MAX && now != before && (now == '0' || now == '1') &&
            (before == '0' || before == '1'))
            toggles[v->nets[b]]++;
    }
}

pare_status pare_vcd_toggles(const char *name, const char *text, size_t n,
                             const pare_netlist *netlist, const uint64_t *ends, size_t n_windows,
                             uint64_t *toggles, pare_err *e)
{
    pare_arena *const a = pare_arena_new();
    const char **nets_list = netlist->nets, **code_list = NULL;
    size_t n_nets = netlist->n_nets, n_codes = 0, capacity = 0;
    names nets = {.arena = a, .list = &nets_list, .n = &n_nets};
    names codes = {.arena = a, .list = &code_list, .n = &n_codes};
    variable **heads = NULL;
    bool *const is_dumped = pare_arena_alloc(a, netlist->n_nets, sizeof *is_dumped);
    rehash(&nets);
    rehash(&codes);
    memset(toggles, 0, n_windows * netlist->n_nets * sizeof *toggles);
    size_t window = 0;
    char *const copy = pare_xalloc(n + 1, 1);
    memcpy(copy, text, n);
    for (char *at = copy, *line; at < copy + n && window < n_windows;) {
        line = at;
        at += strcspn(at, "\n");
        if (*at) *at++ = 0;
        if (*line == '#') {
            const uint64_t now = strtoull(line + 1, NULL, 10);
            while (window < n_windows && now >= ends[window]) window++;
            continue;
        }
        const char *bits = line, *code = line + 1;
        size_t width = 1;
        if (!strncmp(line, "$var ", 5))
            declare(a, &nets, &codes, &heads, &capacity, is_dumped, line);
        if (*line == 'b') {
            bits = line + 1;
            width = strcspn(bits, " ");
            code = bits + width + (bits[width] == ' ');
        } else if (!strchr("01xz", *line) || !*line) {
            continue;
        }
        const size_t slot = slot_of(&codes, code, strlen(code));
        variable *v = codes.slots[slot] ? heads[codes.slots[slot] - 1] : NULL;
        for (; v; v = v->alias) change(v, bits, width, toggles + window * netlist->n_nets);
    }
    free(copy);
    free(nets.slots);
    free(codes.slots);
    size_t net = 0;
    while (net < netlist->n_nets && is_dumped[net]) net++;
    pare_arena_free(a);
    if (net == netlist->n_nets) return PARE_OK;
    return pare_err_set(e, PARE_EINPUT, name, (pare_pos){0, 0},
                        "no variable for the net '%s'; a VCD file of the netlist expected",
                        netlist->nets[net]);
}

double pare_netlist_energy_pj(const pare_netlist *n, const pare_cells *cells,
                              const uint64_t *toggles)
{
    const double half_v2 = cells->voltage_v * cells->voltage_v / 2;
    double energy = 0;
    for (size_t i = 0; i < n->n_pins; i++) {
        const pare_cell_pin *const pin = n->pins[i].pin;
        energy += (double)toggles[n->pins[i].net] *
                  ((pin->is_output ? 0 : pin->capacitance_pf * half_v2) + pin->internal_pj);
    }
    return energy;
}
