/* Constraints: a recursive-descent parser into a tree, and its evaluation. */
#include "sim/expr.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 128, SHOWN_MAX = 60, TEXT_MAX = 2000 };

typedef enum kind {
    K_NUMBER,
    K_TEXT,
    K_VARIABLE,
    K_OR,
    K_AND,
    K_NOT,
    K_NEGATE,
    K_LESS,
    K_LESS_EQUAL,
    K_GREATER,
    K_GREATER_EQUAL,
    K_EQUAL,
    K_NOT_EQUAL,
    K_ADD,
    K_SUBTRACT,
    K_MULTIPLY,
    K_DIVIDE,
    K_REMAINDER,
    K_POWER,
    K_CALL
} kind;

typedef struct function {
    const char *name;
    unsigned n;
    double (*one)(double);
    double (*two)(double, double);
} function;

static const function functions[] = {
    {"min", 2, NULL, fmin},    {"max", 2, NULL, fmax},  {"abs", 1, fabs, NULL},
    {"floor", 1, floor, NULL}, {"ceil", 1, ceil, NULL}, {"round", 1, rint, NULL},
    {"sqrt", 1, sqrt, NULL},   {"log2", 1, log2, NULL},
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

typedef struct node {
    kind kind;
    bool is_text;
    double number;
    const char *text;
    unsigned variable;
    const function *call;
    const struct node *left, *right;
    unsigned column;
} node;

struct expr {
    const char *text;
    const node *root;
};

typedef struct parser {
    const char *text, *at;
    unsigned depth;
    expr_resolve_fn *resolve;
    void *context;
    pare_arena *arena;
    pare_err *e;
} parser;

static const pare_pos NOWHERE = {0, 0};

static unsigned column_of(const parser *p) { return (unsigned)(p->at - p->text) + 1; }

static void skip_blanks(parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* Take `token` if it is next; a word must end there. */
static bool take(parser *p, const char *token)
{
    const size_t n = strlen(token);
    skip_blanks(p);
    if (strncmp(p->at, token, n)) return false;
    if (is_word(token[0]) && (is_word(p->at[n]) || p->at[n] == '.')) return false;
    p->at += n;
    return true;
}

static node *new_node(parser *p, kind k, const node *left, const node *right)
{
    node *const x = pare_arena_alloc(p->arena, 1, sizeof *x);
    x->kind = k;
    x->left = left;
    x->right = right;
    x->column = column_of(p);
    return x;
}

static pare_status expected(const parser *p, const char *what)
{
    if (!*p->at)
        return pare_err_set(p->e, PARE_EINPUT, NULL, NOWHERE, "'%.*s' ends too early; %s expected",
                            SHOWN_MAX, p->text, what);
    return pare_err_set(p->e, PARE_EINPUT, NULL, NOWHERE, "'%.*s', column %u: '%.8s'; %s expected",
                        SHOWN_MAX, p->text, column_of(p), p->at, what);
}

static pare_status parse_or(parser *p, const node **out);

static pare_status need_number(const parser *p, const node *x)
{
    if (!x->is_text) return PARE_OK;
    return pare_err_set(p->e, PARE_EINPUT, NULL, NOWHERE,
                        "'%.*s', column %u: a text; texts can only be compared by == and !=, a "
                        "number expected",
                        SHOWN_MAX, p->text, x->column);
}

static pare_status parse_call(parser *p, const function *f, unsigned column, const node **out)
{
    const node *arguments[2] = {NULL, NULL};
    if (!take(p, "(")) return expected(p, "'('");
    for (unsigned i = 0; i < f->n; i++) {
        if (i && !take(p, ",")) return expected(p, "','");
        PARE_TRY(parse_or(p, &arguments[i]));
        PARE_TRY(need_number(p, arguments[i]));
    }
    if (!take(p, ")")) return expected(p, "')'");
    node *const x = new_node(p, K_CALL, arguments[0], arguments[1]);
    x->call = f;
    x->column = column;
    *out = x;
    return PARE_OK;
}

static pare_status parse_name(parser *p, const node **out)
{
    char name[NAME_MAX_BYTES];
    const unsigned column = column_of(p);
    size_t n = 0;
    while (is_word(p->at[n]) || p->at[n] == '.') n++;
    if (n >= sizeof name) return expected(p, "a shorter name");
    memcpy(name, p->at, n);
    name[n] = 0;
    p->at += n;
    skip_blanks(p);
    for (unsigned i = 0; i < N_FUNCTIONS; i++)
        if (!strcmp(name, functions[i].name)) return parse_call(p, &functions[i], column, out);
    const char *near = NULL;
    node *const x = new_node(p, K_VARIABLE, NULL, NULL);
    x->column = column;
    *out = x;
    if (p->resolve(p->context, name, &x->variable, &x->is_text, &near)) return PARE_OK;
    return pare_err_set(p->e, PARE_EINPUT, NULL, NOWHERE,
                        "'%.*s', column %u: unknown name '%s'; %s%s%s expected", SHOWN_MAX, p->text,
                        column, name, near ? "'" : "", near ? near : "an axis or a machine's field",
                        near ? "'" : "");
}

static pare_status parse_text(parser *p, const node **out)
{
    const char quote = *p->at;
    const char *const end = strchr(p->at + 1, quote);
    if (!end) return expected(p, "a closing quote");
    node *const x = new_node(p, K_TEXT, NULL, NULL);
    x->is_text = true;
    x->text = pare_arena_strndup(p->arena, p->at + 1, (size_t)(end - p->at - 1));
    p->at = end + 1;
    *out = x;
    return PARE_OK;
}

static pare_status parse_atom(parser *p, const node **out)
{
    skip_blanks(p);
    if (take(p, "(")) {
        PARE_TRY(parse_or(p, out));
        return take(p, ")") ? PARE_OK : expected(p, "')'");
    }
    if (*p->at == '\'' || *p->at == '"') return parse_text(p, out);
    if (isdigit((unsigned char)*p->at)) {
        char *end;
        node *const x = new_node(p, K_NUMBER, NULL, NULL);
        x->number = strtod(p->at, &end);
        if (!isfinite(x->number) || is_word(*end)) return expected(p, "a number");
        p->at = end;
        *out = x;
        return PARE_OK;
    }
    if (isalpha((unsigned char)*p->at) || *p->at == '_') return parse_name(p, out);
    return expected(p, "a number, a name or '('");
}

static pare_status parse_unary(parser *p, const node **out);

/* right-associative, above the sign: -2 ^ 2 is -4 */
static pare_status parse_power(parser *p, const node **out)
{
    PARE_TRY(parse_atom(p, out));
    if (!take(p, "^")) return PARE_OK;
    const node *right;
    PARE_TRY(need_number(p, *out));
    PARE_TRY(parse_unary(p, &right));
    PARE_TRY(need_number(p, right));
    *out = new_node(p, K_POWER, *out, right);
    return PARE_OK;
}

static pare_status parse_unary(parser *p, const node **out)
{
    if (++p->depth > DEPTH_MAX) return expected(p, "fewer nested parts");
    if (take(p, "-")) {
        PARE_TRY(parse_unary(p, out));
        PARE_TRY(need_number(p, *out));
        *out = new_node(p, K_NEGATE, *out, NULL);
    } else {
        PARE_TRY(parse_power(p, out));
    }
    p->depth--;
    return PARE_OK;
}

typedef struct infix {
    const char *token;
    kind kind;
} infix;

typedef pare_status parse_fn(parser *p, const node **out);

static bool take_infix(parser *p, const infix *list, kind *out)
{
    for (; list->token; list++) {
        if (!take(p, list->token)) continue;
        *out = list->kind;
        return true;
    }
    return false;
}

/* a chain of equal rank, from the left */
static pare_status parse_chain(parser *p, parse_fn *part, const infix *list, const node **out)
{
    kind k = K_ADD;
    PARE_TRY(part(p, out));
    while (take_infix(p, list, &k)) {
        const node *right;
        PARE_TRY(part(p, &right));
        PARE_TRY(need_number(p, *out));
        PARE_TRY(need_number(p, right));
        node *const x = new_node(p, k, *out, right);
        x->column = right->column;
        *out = x;
    }
    return PARE_OK;
}

static pare_status parse_product(parser *p, const node **out)
{
    static const infix list[] = {
        {"*", K_MULTIPLY}, {"/", K_DIVIDE}, {"%", K_REMAINDER}, {NULL, K_ADD}};
    return parse_chain(p, parse_unary, list, out);
}

static pare_status parse_sum(parser *p, const node **out)
{
    static const infix list[] = {{"+", K_ADD}, {"-", K_SUBTRACT}, {NULL, K_ADD}};
    return parse_chain(p, parse_product, list, out);
}

static pare_status parse_compare(parser *p, const node **out)
{
    static const infix list[] = {{"<=", K_LESS_EQUAL}, {">=", K_GREATER_EQUAL}, {"==", K_EQUAL},
                                 {"!=", K_NOT_EQUAL},  {"<", K_LESS},           {">", K_GREATER},
                                 {NULL, K_ADD}};
    kind k;
    PARE_TRY(parse_sum(p, out));
    if (!take_infix(p, list, &k)) return PARE_OK;
    const node *right;
    PARE_TRY(parse_sum(p, &right));
    if (k != K_EQUAL && k != K_NOT_EQUAL) {
        PARE_TRY(need_number(p, *out));
        PARE_TRY(need_number(p, right));
    } else if ((*out)->is_text != right->is_text) {
        return pare_err_set(p->e, PARE_EINPUT, NULL, NOWHERE,
                            "'%.*s', column %u: a text and a number are compared; two of a kind "
                            "expected",
                            SHOWN_MAX, p->text, right->column);
    }
    *out = new_node(p, k, *out, right);
    return PARE_OK;
}

static pare_status parse_not(parser *p, const node **out)
{
    if (!take(p, "not")) return parse_compare(p, out);
    if (++p->depth > DEPTH_MAX) return expected(p, "fewer nested parts");
    PARE_TRY(parse_not(p, out));
    p->depth--;
    PARE_TRY(need_number(p, *out));
    *out = new_node(p, K_NOT, *out, NULL);
    return PARE_OK;
}

static pare_status parse_and(parser *p, const node **out)
{
    static const infix list[] = {{"and", K_AND}, {NULL, K_ADD}};
    return parse_chain(p, parse_not, list, out);
}

static pare_status parse_or(parser *p, const node **out)
{
    static const infix list[] = {{"or", K_OR}, {NULL, K_ADD}};
    if (++p->depth > DEPTH_MAX) return expected(p, "fewer nested parts");
    PARE_TRY(parse_chain(p, parse_and, list, out));
    p->depth--;
    return PARE_OK;
}

pare_status expr_parse(const char *text, expr_resolve_fn *resolve, void *context, pare_arena *a,
                       expr **out, pare_err *e)
{
    parser p = {
        .text = text, .at = text, .resolve = resolve, .context = context, .arena = a, .e = e};
    const node *root = NULL;
    if (strlen(text) > TEXT_MAX) return expected(&p, "at most 2000 characters");
    PARE_TRY(parse_or(&p, &root));
    skip_blanks(&p);
    if (*p.at) return expected(&p, "an operator or the end");
    PARE_TRY(need_number(&p, root));
    *out = pare_arena_alloc(a, 1, sizeof **out);
    (*out)->text = pare_arena_strdup(a, text);
    (*out)->root = root;
    return PARE_OK;
}

/* ---- evaluation ---- */

typedef struct evaluation {
    const char *text;
    expr_lookup_fn *lookup;
    void *context;
    pare_err *e;
} evaluation;

static pare_status evaluate(const evaluation *v, const node *x, expr_value *out);

static pare_status no_number(const evaluation *v, const node *x, const char *what)
{
    return pare_err_set(v->e, PARE_EINPUT, NULL, NOWHERE,
                        "'%.*s', column %u: %s; a test before it expected, as in 'b != 0 and a / b "
                        "> 1'",
                        SHOWN_MAX, v->text, x->column, what);
}

static pare_status combine(const evaluation *v, const node *x, double a, double b, double *out)
{
    switch (x->kind) {
    case K_LESS: *out = a < b; break;
    case K_LESS_EQUAL: *out = a <= b; break;
    case K_GREATER: *out = a > b; break;
    case K_GREATER_EQUAL: *out = a >= b; break;
    case K_EQUAL: *out = a == b; break;
    case K_NOT_EQUAL: *out = a != b; break;
    case K_ADD: *out = a + b; break;
    case K_SUBTRACT: *out = a - b; break;
    case K_MULTIPLY: *out = a * b; break;
    case K_DIVIDE:
    case K_REMAINDER:
        if (b == 0) return no_number(v, x, "division by zero");
        *out = x->kind == K_DIVIDE ? a / b : fmod(a, b);
        break;
    case K_POWER: *out = pow(a, b); break;
    default: *out = x->call->n == 2 ? x->call->two(a, b) : x->call->one(a); break;
    }
    return isfinite(*out) ? PARE_OK : no_number(v, x, "the result is no number");
}

static pare_status evaluate_logic(const evaluation *v, const node *x, expr_value *out)
{
    PARE_TRY(evaluate(v, x->left, out));
    const bool is_true = out->number != 0;
    *out = (expr_value){x->kind == K_NOT ? !is_true : is_true, NULL};
    if (x->kind == K_NOT || is_true == (x->kind == K_OR)) return PARE_OK;
    PARE_TRY(evaluate(v, x->right, out));
    *out = (expr_value){out->number != 0, NULL};
    return PARE_OK;
}

static pare_status evaluate(const evaluation *v, const node *x, expr_value *out)
{
    *out = (expr_value){x->number, x->text};
    if (x->kind == K_NUMBER || x->kind == K_TEXT) return PARE_OK;
    if (x->kind == K_VARIABLE) {
        *out = v->lookup(v->context, x->variable);
        return PARE_OK;
    }
    if (x->kind == K_OR || x->kind == K_AND || x->kind == K_NOT) return evaluate_logic(v, x, out);
    expr_value a, b = {0, NULL};
    PARE_TRY(evaluate(v, x->left, &a));
    if (x->right) PARE_TRY(evaluate(v, x->right, &b));
    if (a.text && b.text) {
        *out = (expr_value){(strcmp(a.text, b.text) == 0) == (x->kind == K_EQUAL), NULL};
        return PARE_OK;
    }
    *out = (expr_value){-a.number, NULL};
    return x->kind == K_NEGATE ? PARE_OK : combine(v, x, a.number, b.number, &out->number);
}

pare_status expr_holds(const expr *x, expr_lookup_fn *lookup, void *context, bool *holds,
                       pare_err *e)
{
    const evaluation v = {x->text, lookup, context, e};
    expr_value value;
    PARE_TRY(evaluate(&v, x->root, &value));
    *holds = value.number != 0;
    return PARE_OK;
}

bool expr_sides(const expr *x, expr_lookup_fn *lookup, void *context, double sides[2])
{
    const evaluation v = {x->text, lookup, context, NULL};
    const node *const r = x->root;
    expr_value left, right;
    if (r->kind < K_LESS || r->kind > K_NOT_EQUAL) return false;
    if (evaluate(&v, r->left, &left) != PARE_OK || evaluate(&v, r->right, &right) != PARE_OK)
        return false;
    if (left.text || right.text) return false;
    sides[0] = left.number;
    sides[1] = right.number;
    return true;
}

const char *expr_text(const expr *x) { return x->text; }

static bool node_uses(const node *x, bool (*is_one)(void *, unsigned), void *context)
{
    if (!x) return false;
    if (x->kind == K_VARIABLE) return is_one(context, x->variable);
    return node_uses(x->left, is_one, context) || node_uses(x->right, is_one, context);
}

bool expr_uses(const expr *x, bool (*is_one)(void *context, unsigned variable), void *context)
{
    return node_uses(x->root, is_one, context);
}
