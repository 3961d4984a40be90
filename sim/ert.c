/* Accelergy's tables: energies of actions (ERT) and areas of components (ART), read as a base of a
 * machine's costs and written from them. The list below is the mapping between the two. */
#include "sim/core.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* how an action's energy becomes a cost */
typedef enum unit { PER_CYCLE, PER_BIT, LEAKAGE, AREA } unit;

/* Of one instance; a leak is the energy of one instance in one cycle. `group` is whose uncertainty
 * the number becomes. */
typedef struct cost_row {
    const char *component, *action; /* as pare-sim writes them */
    unit unit;
    size_t offset;      /* in pare_costs */
    size_t uncertainty; /* in pare_costs */
} cost_row;

#define IN(member)          offsetof(pare_costs, member)
#define UNCERTAINTY(member) offsetof(pare_costs, member##_uncertainty_frac)

/* name in `names`, component, action, unit, cost, uncertainty */
#define COSTS(X)                                                                                   \
    X(core, "array", "cycle", PER_CYCLE, core_pj, pe)                                              \
    X(lane, "pe.lane", "multiply", PER_CYCLE, lane_pj, pe)                                         \
    X(adders, "pe.adders", "add", PER_CYCLE, reduce_pj, pe)                                        \
    X(registers, "pe.registers", "clock", PER_CYCLE, register_pj, register)                        \
    X(weight_read, "weight_buffer", "read", PER_BIT, weight_read_pj_per_bit, buffer)               \
    X(weight_write, "weight_buffer", "write", PER_BIT, weight_write_pj_per_bit, buffer)            \
    X(act_read, "act_buffer", "read", PER_BIT, act_read_pj_per_bit, buffer)                        \
    X(act_write, "act_buffer", "write", PER_BIT, act_write_pj_per_bit, buffer)                     \
    X(out_read, "out_buffer", "read", PER_BIT, out_read_pj_per_bit, buffer)                        \
    X(out_write, "out_buffer", "write", PER_BIT, out_write_pj_per_bit, buffer)                     \
    X(dram_read, "dram", "read", PER_BIT, dram_pj_per_bit, dram)                                   \
    X(dram_write, "dram", "write", PER_BIT, dram_write_pj_per_bit, dram)                           \
    X(pe_leak, "pe", "leak", LEAKAGE, array_leakage_mw, leakage)                                   \
    X(weight_leak, "weight_buffer", "leak", LEAKAGE, buffer_leakage_mw[0], leakage)                \
    X(act_leak, "act_buffer", "leak", LEAKAGE, buffer_leakage_mw[1], leakage)                      \
    X(out_leak, "out_buffer", "leak", LEAKAGE, buffer_leakage_mw[2], leakage)                      \
    X(pe_area, "pe", "", AREA, pe_um2, area)                                                       \
    X(weight_area, "weight_buffer", "", AREA, buffer_um2[0], area)                                 \
    X(act_area, "act_buffer", "", AREA, buffer_um2[1], area)                                       \
    X(out_area, "out_buffer", "", AREA, buffer_um2[2], area)

enum {
#define X(name, component, action, unit, cost, group) COST_##name,
    COSTS(X)
#undef X
        N_COSTS
};

static const cost_row rows[N_COSTS] = {
#define X(name, component, action, unit, cost, group)                                              \
    {component, action, unit, IN(cost), UNCERTAINTY(group)},
    COSTS(X)
#undef X
};

const char *const sim_ert_costs[] = {
#define X(name, component, action, unit, cost, group) #name,
    COSTS(X)
#undef X
        NULL};

/* ---- files ---- */

typedef struct action {
    const char *name;
    double energy; /* pJ */
    pare_pos pos;
} action;

typedef struct component {
    const char *name;
    pare_maps actions; /* action; ERT only */
    double area;       /* um2; ART only */
    pare_pos pos;
} component;

typedef struct table {
    const char *version;
    pare_maps components;
} table;

typedef struct file {
    table table;
} file;

#define KEY(st, member, key, kind, text, sub_)                                                     \
    {                                                                                              \
        .name = key, .type = PARE_KEY_##kind, .offset = offsetof(st, member), .min = 0,            \
        .max = 1e15, .sub = sub_, .doc = text                                                      \
    }
#define SCHEMA(title, st, keys_, pos_)                                                             \
    {                                                                                              \
        .name = title, .doc = "", .keys = keys_, .n_keys = sizeof keys_ / sizeof *keys_,           \
        .size = sizeof(st), .pos_offset = pos_, .given_offset = PARE_NO_OFFSET                     \
    }

static const pare_key action_keys[] = {
    KEY(action, name, "name", STR, "of the action", NULL),
    {.name = "arguments", .type = PARE_KEY_ANY, .def = "", .doc = "not read"},
    KEY(action, energy, "energy", REAL, "pJ", NULL),
};
static const pare_schema action_schema =
    SCHEMA("action", action, action_keys, offsetof(action, pos));

static const pare_key ert_component_keys[] = {
    KEY(component, name, "name", STR, "of the component", NULL),
    KEY(component, actions, "actions", MAPS, "what it does", &action_schema),
};
static const pare_schema ert_component_schema =
    SCHEMA("table", component, ert_component_keys, offsetof(component, pos));

static const pare_key art_component_keys[] = {
    KEY(component, name, "name", STR, "of the component", NULL),
    KEY(component, area, "area", REAL, "um2", NULL),
};
static const pare_schema art_component_schema =
    SCHEMA("table", component, art_component_keys, offsetof(component, pos));

static const pare_key ert_table_keys[] = {
    KEY(table, version, "version", STR, "of the form", NULL),
    KEY(table, components, "tables", MAPS, "one a component", &ert_component_schema),
};
static const pare_schema ert_table_schema = SCHEMA("ERT", table, ert_table_keys, PARE_NO_OFFSET);

static const pare_key art_table_keys[] = {
    KEY(table, version, "version", STR, "of the form", NULL),
    KEY(table, components, "tables", MAPS, "one a component", &art_component_schema),
};
static const pare_schema art_table_schema = SCHEMA("ART", table, art_table_keys, PARE_NO_OFFSET);

static const pare_key ert_keys[] = {
    KEY(file, table, "ERT", MAP, "energy reference table", &ert_table_schema)};
static const pare_schema ert_schema = SCHEMA("the ERT file", file, ert_keys, PARE_NO_OFFSET);

static const pare_key art_keys[] = {
    KEY(file, table, "ART", MAP, "area reference table", &art_table_schema)};
static const pare_schema art_schema = SCHEMA("the ART file", file, art_keys, PARE_NO_OFFSET);

/* ---- finding a row ---- */

/* Is `name` of a table what the machine file calls `wanted`? Index ranges such as [0..167] may be
 * left out, and so may what stands before a dot. */
static bool is_component(const char *name, const char *wanted)
{
    const size_t n = strlen(name), m = strlen(wanted);
    if (!strcmp(name, wanted)) return true;
    char *const plain = pare_xstrdup(name);
    size_t length = 0;
    for (size_t i = 0, depth = 0; i < n; i++) {
        if (name[i] == '[') depth++;
        if (!depth) plain[length++] = name[i];
        if (name[i] == ']' && depth) depth--;
    }
    plain[length] = 0;
    const bool is_end = length >= m && !strcmp(plain + length - m, wanted) &&
                        (length == m || plain[length - m - 1] == '.');
    free(plain);
    return is_end && m > 0;
}

typedef struct reading {
    pare_machine *m;
    const pare_yaml *yaml;
    file content;
    bool is_art;
    pare_err *e;
} reading;

/* The one component of that name; NULL if there is none. */
static pare_status find_component(const reading *r, const char *wanted, const component **out)
{
    const pare_maps *const list = &r->content.table.components;
    *out = NULL;
    for (size_t i = 0; i < list->n; i++) {
        const component *const c = (const component *)list->v + i;
        if (!is_component(c->name, wanted)) continue;
        if (*out)
            return pare_err_set(r->e, PARE_EINPUT, pare_yaml_name(r->yaml), c->pos,
                                "component '%s' is '%s' too, as '%s' on line %u; a longer name in "
                                "energy_tables.names expected",
                                c->name, wanted, (*out)->name, (*out)->pos.line);
        *out = c;
    }
    return PARE_OK;
}

/* The dearest of the actions of that name: an action may be listed once for every argument, such
 * as whether address and data change. */
static const action *find_action(const component *c, const char *wanted)
{
    const action *dearest = NULL;
    for (size_t i = 0; i < c->actions.n; i++) {
        const action *const a = (const action *)c->actions.v + i;
        if (!strcmp(a->name, wanted) && (!dearest || a->energy > dearest->energy)) dearest = a;
    }
    return dearest;
}

/* ---- reading ---- */

static double n_pes(const pare_machine *m)
{
    return (double)m->array.tiles * m->array.rows * m->array.cols;
}

static double at(const pare_costs *c, size_t offset)
{
    return *(const double *)(const void *)((const char *)c + offset);
}

static void set(pare_costs *c, size_t offset, double value)
{
    *(double *)(void *)((char *)c + offset) = value;
}

/* A cost from the number that a table holds for one instance; `bits` of one action. */
static void take(pare_machine *m, int cost, double value, double bits)
{
    const cost_row *const row = &rows[cost];
    pare_costs *const c = &m->costs;
    if (row->unit == PER_BIT) value /= bits;
    if (row->unit == LEAKAGE) /* pJ a cycle to mW */
        value *= m->clock_mhz / 1000 * (cost == COST_pe_leak ? n_pes(m) : 1);
    set(c, row->offset, value);
    set(c, row->uncertainty, m->energy_tables.uncertainty_frac);
    if (cost == COST_pe_area) c->array_um2 = n_pes(m) * value;
    if (cost != COST_lane) return;
    /* one figure for all widths: taken as quadratic */
    c->lane_bit2_pj =
        value / ((double)sim_pe_act_port_bits(&m->pe) * sim_pe_weight_port_bits(&m->pe));
    c->lane_bit_pj = 0;
}

static pare_status take_named(const reading *r, size_t index, const pare_energy_name *name)
{
    const bool is_area = rows[name->cost].unit == AREA;
    const char *const key = is_area ? "component" : "action";
    if (is_area != r->is_art) return PARE_OK;
    const component *c;
    PARE_TRY(find_component(r, name->component, &c));
    const action *const a = c && !is_area ? find_action(c, name->action) : NULL;
    if (c && (a || is_area)) {
        take(r->m, name->cost, is_area ? c->area : a->energy, name->bits);
        return PARE_OK;
    }
    char path[96];
    snprintf(path, sizeof path, "energy_tables.names[%zu].%s", index, c ? key : "component");
    if (!c)
        return pare_yaml_error(r->m->yaml, path, r->e, PARE_EINPUT,
                               "%s has no component '%s'; one of its names expected",
                               pare_yaml_name(r->yaml), name->component);
    return pare_yaml_error(r->m->yaml, path, r->e, PARE_EINPUT,
                           "component '%s' (%s:%u) has no action '%s'; one of its actions expected",
                           c->name, pare_yaml_name(r->yaml), c->pos.line, name->action);
}

static uint32_t own_bits(const pare_machine *m, int cost)
{
    if (rows[cost].unit != PER_BIT) return 1;
    const bool is_dram = cost == COST_dram_read || cost == COST_dram_write;
    /* no bandwidth: a bit at a time, as the price of a bit is the same */
    return is_dram && m->dram.bits_per_cycle ? m->dram.bits_per_cycle
           : is_dram                         ? 1
                                             : m->buffers.word_bits;
}

/* Without names: whatever bears the names that we write, at least one. */
static pare_status take_own_names(const reading *r)
{
    size_t n = 0;
    for (int cost = 0; cost < N_COSTS; cost++) {
        const bool is_area = rows[cost].unit == AREA;
        if (is_area != r->is_art) continue;
        const component *c;
        PARE_TRY(find_component(r, rows[cost].component, &c));
        const action *const a = c && !is_area ? find_action(c, rows[cost].action) : NULL;
        if (!c || (!a && !is_area)) continue;
        take(r->m, cost, is_area ? c->area : a->energy, own_bits(r->m, cost));
        n++;
    }
    if (n) return PARE_OK;
    return pare_err_set(r->e, PARE_EINPUT, pare_yaml_name(r->yaml), (pare_pos){1, 1},
                        "none of the names that this program writes (pare-sim show --ert), such as "
                        "'%s'; energy_tables.names in the machine file expected",
                        r->is_art ? "pe" : "pe.lane");
}

static pare_status take_all(reading *r)
{
    const pare_maps *const names = &r->m->energy_tables.names;
    if (!names->n) return take_own_names(r);
    for (size_t i = 0; i < names->n; i++)
        PARE_TRY(take_named(r, i, (const pare_energy_name *)names->v + i));
    return PARE_OK;
}

/* Beside the machine file, else as given. */
static void find_file(const pare_machine *m, const char *name, pare_buf *path)
{
    const char *const slash = strrchr(m->file, '/');
    if (slash && name[0] != '/')
        pare_buf_printf(path, "%.*s/%s", (int)(slash - m->file), m->file, name);
    if (path->n && access(path->text, R_OK) == 0) return;
    path->n = 0;
    pare_buf_puts(path, name);
}

static pare_status read_one(pare_machine *m, const char *name, bool is_art, pare_err *e)
{
    if (!name || !*name) return PARE_OK;
    pare_buf path = {0};
    pare_yaml *yaml = NULL;
    pare_arena *const arena = pare_arena_new();
    reading r = {.m = m, .is_art = is_art, .e = e};
    find_file(m, name, &path);
    pare_status status = pare_yaml_load(path.text, &yaml, e);
    if (status == PARE_OK)
        status = pare_yaml_read(yaml, is_art ? &art_schema : &ert_schema, arena, &r.content, e);
    if (status == PARE_OK) {
        const uint64_t hash = pare_yaml_hash(yaml);
        m->hash = pare_hash_bytes(m->hash, &hash, sizeof hash);
        r.yaml = yaml;
        status = take_all(&r);
    }
    pare_yaml_free(yaml);
    pare_arena_free(arena);
    pare_buf_free(&path);
    return status;
}

/* A name that no file can answer is a mistake. */
static pare_status check_names(const pare_machine *m, pare_err *e)
{
    const pare_energy_tables *const t = &m->energy_tables;
    for (size_t i = 0; i < t->names.n; i++) {
        const pare_energy_name *const name = (const pare_energy_name *)t->names.v + i;
        const bool is_area = rows[name->cost].unit == AREA;
        char path[64];
        snprintf(path, sizeof path, "energy_tables.names[%zu].cost", i);
        if (is_area ? !*t->art : !*t->ert)
            return pare_yaml_error(m->yaml, path, e, PARE_EINPUT,
                                   "cost %s is named, but there is no energy_tables.%s; a file "
                                   "expected there",
                                   sim_ert_costs[name->cost], is_area ? "art" : "ert");
        if (!is_area && !*name->action)
            return pare_yaml_error(m->yaml, path, e, PARE_EINPUT,
                                   "cost %s has no action; the name of one expected",
                                   sim_ert_costs[name->cost]);
    }
    return PARE_OK;
}

pare_status sim_ert_apply(pare_machine *m, pare_err *e)
{
    PARE_TRY(check_names(m, e));
    PARE_TRY(read_one(m, m->energy_tables.ert, false, e));
    return read_one(m, m->energy_tables.art, true, e);
}

/* ---- writing ---- */

/* What one instance takes for one action. */
static double give(const pare_machine *m, int cost)
{
    const double value = at(&m->costs, rows[cost].offset);
    if (rows[cost].unit == PER_BIT) return value * own_bits(m, cost);
    if (rows[cost].unit == LEAKAGE)
        return value * 1000 / m->clock_mhz / (cost == COST_pe_leak ? n_pes(m) : 1);
    return value;
}

static void write_range(const pare_machine *m, int cost, pare_buf *out)
{
    const char *const name = rows[cost].component;
    const char *const dot = strchr(name, '.');
    pare_buf_printf(out, "  - name: %s.", m->name);
    if (!strcmp(name, "pe") || dot)
        pare_buf_printf(out, "pe[0..%.0f]%s", n_pes(m) - 1, dot ? dot : "");
    else
        pare_buf_puts(out, name);
    pare_buf_puts(out, "\n");
}

void pare_machine_write_ert(const pare_machine *m, pare_buf *out)
{
    pare_buf_printf(out, "ERT:\n  version: 0.4\n  tables:\n");
    bool is_done[N_COSTS] = {false};
    for (int i = 0; i < N_COSTS; i++) {
        if (is_done[i] || rows[i].unit == AREA) continue;
        if (i == COST_core && m->costs.core_pj == 0) continue;
        write_range(m, i, out);
        pare_buf_puts(out, "    actions:\n");
        for (int j = i; j < N_COSTS; j++) {
            if (rows[j].unit == AREA || strcmp(rows[i].component, rows[j].component)) continue;
            is_done[j] = true;
            pare_buf_printf(out, "    - name: %s\n      arguments: ", rows[j].action);
            if (rows[j].unit == PER_BIT)
                pare_buf_printf(out, "{bits: %u}", own_bits(m, j));
            else
                pare_buf_puts(out, "null");
            pare_buf_puts(out, "\n      energy: ");
            pare_buf_real(out, give(m, j));
            pare_buf_puts(out, "\n");
        }
    }
}

void pare_machine_write_art(const pare_machine *m, pare_buf *out)
{
    pare_buf_printf(out, "ART:\n  version: 0.4\n  tables:\n");
    for (int i = 0; i < N_COSTS; i++) {
        if (rows[i].unit != AREA) continue;
        write_range(m, i, out);
        pare_buf_puts(out, "    area: ");
        pare_buf_real(out, give(m, i));
        pare_buf_puts(out, "\n");
    }
}
