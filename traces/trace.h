/* trace.h: what flows between the parts of pare. The one public header of traces/.
 *
 * Base (errors, memory, text, random numbers, threads, files), the YAML layer, networks,
 * bitlengths, tensors and result tables. Nothing here knows a machine or a training method.
 *
 * Conventions: what can fail for a reason outside the program returns pare_status and takes a
 * pare_err last (NULL allowed). Who creates frees. Loaded things are const for ever. Layer counts,
 * shapes and bitlengths are per image unless a batch is named. Quantities carry their unit in the
 * name.
 */
#ifndef PARE_TRACE_H
#define PARE_TRACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PARE_VERSION "0.1.0"

#if defined(__GNUC__)
#define PARE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PARE_MUST_CHECK        __attribute__((warn_unused_result))
#else
#define PARE_PRINTF(fmt, args)
#define PARE_MUST_CHECK
#endif

/* ---- errors ---------------------------------------------------------------------------------- */

/* The value is also the exit status that a program ends with. */
typedef enum pare_status {
    PARE_OK = 0,
    PARE_EFAIL = 1,  /* it ran and failed: a check did not hold, I/O, memory */
    PARE_EUSAGE = 2, /* the command line is wrong */
    PARE_EINPUT = 3, /* an input file is wrong */
} pare_status;

enum { PARE_ERR_FILE_MAX = 256, PARE_ERR_TEXT_MAX = 512 };

/* The first error wins. line and column are 1-based; 0 means unknown. */
typedef struct pare_err {
    pare_status status;
    uint32_t line, column;
    char file[PARE_ERR_FILE_MAX];
    char text[PARE_ERR_TEXT_MAX];
} pare_err;

/* A place in a text file, 1-based; {0, 0} means unknown. */
typedef struct pare_pos {
    uint32_t line, column;
} pare_pos;

/* Record an error unless `e` holds one already; returns `status`. `file` may be NULL. */
pare_status pare_err_set(pare_err *e, pare_status status, const char *file, pare_pos pos,
                         const char *fmt, ...) PARE_PRINTF(5, 6);

/* Write the error as one line, `file:line:column: text`, leaving out what is unknown. */
void pare_err_print(const pare_err *e, FILE *out);

/* Forward a failure. */
#define PARE_TRY(call)                                                                             \
    do {                                                                                           \
        const pare_status try_status_ = (call);                                                    \
        if (try_status_ != PARE_OK) return try_status_;                                            \
    } while (0)

/* Forward a failure through the function's exit label; needs `pare_status status`. */
#define PARE_TRY_DONE(call)                                                                        \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != PARE_OK) goto done;                                                          \
    } while (0)

/* ---- memory ---------------------------------------------------------------------------------- */

/* Small allocations: zeroed, never NULL; abort with a message when memory is out. */
void *pare_xalloc(size_t count, size_t size);
char *pare_xstrdup(const char *s);

/* product = a * b; false on overflow. */
bool pare_mul_size(size_t a, size_t b, size_t *product) PARE_MUST_CHECK;
bool pare_mul_u64(uint64_t a, uint64_t b, uint64_t *product) PARE_MUST_CHECK;
bool pare_add_u64(uint64_t a, uint64_t b, uint64_t *sum) PARE_MUST_CHECK;

/* Memory that is freed together: everything of one loaded file lives in one arena. */
typedef struct pare_arena pare_arena;
pare_arena *pare_arena_new(void);
void pare_arena_free(pare_arena *a); /* NULL allowed */
/* Zeroed, aligned to 16 bytes, never NULL. */
void *pare_arena_alloc(pare_arena *a, size_t count, size_t size);
char *pare_arena_strdup(pare_arena *a, const char *s);
char *pare_arena_strndup(pare_arena *a, const char *s, size_t n);
char *pare_arena_printf(pare_arena *a, const char *fmt, ...) PARE_PRINTF(2, 3);

/* ---- text ------------------------------------------------------------------------------------ */

/* A growing, always terminated text. `pare_buf b = {0};` is an empty one. */
typedef struct pare_buf {
    char *text; /* NULL until the first addition */
    size_t n, capacity;
} pare_buf;

void pare_buf_add(pare_buf *b, const void *bytes, size_t n);
void pare_buf_puts(pare_buf *b, const char *s);
void pare_buf_printf(pare_buf *b, const char *fmt, ...) PARE_PRINTF(2, 3);
/* A JSON string with its quotes. */
void pare_buf_json_string(pare_buf *b, const char *s);
/* The shortest text that reads back as the same double; JSON's null for NaN and infinities. */
void pare_buf_real(pare_buf *b, double x);
void pare_buf_free(pare_buf *b);

/* Edit distance with transpositions, letter case ignored. */
size_t pare_text_distance(const char *a, const char *b);

/* ---- files ----------------------------------------------------------------------------------- */

/* Read a whole file into a malloc'd, terminated buffer that the caller frees. Missing or
 * unreadable: PARE_EINPUT. A file above `max_bytes` is refused. */
pare_status pare_file_read(const char *path, size_t max_bytes, char **bytes, size_t *n,
                           pare_err *e) PARE_MUST_CHECK;

/* Write a whole file or nothing: a temporary file beside it, fsync, rename. "-" is stdout. */
pare_status pare_file_write(const char *path, const void *bytes, size_t n,
                            pare_err *e) PARE_MUST_CHECK;

/* Make a folder and its parents; existing ones are fine. */
pare_status pare_dir_make(const char *path, pare_err *e) PARE_MUST_CHECK;

/* Resolve a name such as "resnet18" of a kind ("networks", "machines", "bits", "energy") to a path:
 * the name itself if such a file exists (of networks and bits also a folder, that of a run), else
 * the shipped file of that name in $PARE_DATA (a share/pare folder or a source tree), in the source
 * tree around the running program, or in ../share/pare/<kind> beside its folder. If nothing is
 * found *path is the name as given, so that opening it gives the error. */
void pare_data_find(const char *kind, const char *name, pare_buf *path);

/* 64-bit FNV-1a: names inputs in provenance headers, never used for security. */
uint64_t pare_hash_bytes(uint64_t seed, const void *bytes, size_t n);
#define PARE_HASH_SEED 0xcbf29ce484222325ull

/* ---- random numbers -------------------------------------------------------------------------- */

/* xoshiro256** seeded through splitmix64. (seed, stream) names an independent sequence, so work
 * that is split over threads draws from the stream of its item, not of its thread. */
typedef struct pare_rng {
    uint64_t s[4];
} pare_rng;

pare_rng pare_rng_new(uint64_t seed, uint64_t stream);
uint64_t pare_rng_u64(pare_rng *r);
uint32_t pare_rng_below(pare_rng *r, uint32_t n); /* uniform in 0..n-1, n > 0, unbiased */
double pare_rng_unit(pare_rng *r);                /* uniform in [0, 1) */
double pare_rng_normal(pare_rng *r);              /* mean 0, deviation 1 (Box-Muller) */

/* ---- threads --------------------------------------------------------------------------------- */

/* Items 0..n-1 are taken by any worker in any order: a result may depend on `item`, never on
 * `worker`, which only names scratch memory (0 .. threads-1). */
typedef struct pare_pool pare_pool;
typedef void pare_pool_fn(void *context, size_t item, unsigned worker);
pare_pool *pare_pool_new(unsigned n_threads); /* 0: as many as the machine has */
void pare_pool_free(pare_pool *p);            /* NULL allowed */
unsigned pare_pool_threads(const pare_pool *p);
/* Returns when all items are done. Not reentrant. */
void pare_pool_run(pare_pool *p, size_t n_items, pare_pool_fn *fn, void *context);

/* ---- command lines --------------------------------------------------------------------------- */

typedef struct pare_strs {
    const char **v;
    size_t n;
} pare_strs;

typedef enum pare_opt_type {
    PARE_OPT_FLAG,   /* bool *: set to true */
    PARE_OPT_STRING, /* const char ** */
    PARE_OPT_LIST,   /* pare_strs *: one more each time it is given; the caller frees .v */
    PARE_OPT_U32,    /* uint32_t *, min..max */
    PARE_OPT_U64,    /* uint64_t *, min..max */
    PARE_OPT_REAL,   /* double *, min..max, finite */
} pare_opt_type;

/* One option: `--name ARG`, `--name=ARG`, and `-l ARG` if letter is not 0. */
typedef struct pare_opt {
    const char *name;
    char letter;
    pare_opt_type type;
    const char *arg; /* how help calls the argument; NULL for a flag */
    const char *doc;
    void *out;
    double min, max; /* of numbers; both 0: no limit */
} pare_opt;

/* One subcommand. --help, --version and -h come by themselves. */
typedef struct pare_command {
    const char *name;     /* NULL: the program has no subcommands */
    const char *operands; /* "NETWORK", "FILE..." ; "" if it takes none */
    const char *doc;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
} pare_command;

/* Parse `argv[1..]` against the table; operands are moved to the front of argv from index 1 on and
 * counted in *n_operands. Returns true if the command should go on; false if it should end with
 * *exit_status (after --help, --version or a mistake, which has been printed to stderr).
 * `usage` is the text after "usage: ", such as "pare-sim run NETWORK [options]". */
bool pare_opts_parse(const pare_opt *opts, size_t n_opts, const char *usage, const char *doc,
                     int argc, char **argv, int *n_operands, int *exit_status);

/* Choose a subcommand and run it; prints help. Returns the exit status. */
int pare_commands_run(const char *program, const char *doc, const pare_command *commands,
                      size_t n_commands, int argc, char **argv);

/* Beside --help there is --help-table: the same as tab-separated lines for programs, from which
 * completion and manual pages are made (docs/manual.sh): "usage", "doc", "option" (name, letter,
 * argument, meaning), "command" (name, operands, meaning). True if it is what argv asks for. */
bool pare_opts_is_table(int argc, char **argv);
/* The "command" lines. */
void pare_commands_table(const pare_command *commands, size_t n);

/* ---- progress -------------------------------------------------------------------------------- */

/* What long work says on stderr: on a terminal one line that is overwritten, elsewhere a line a
 * minute; nothing if it is quiet. */
typedef struct pare_progress {
    bool is_tty, is_quiet;
    double last_s;
} pare_progress;

pare_progress pare_progress_new(bool is_quiet);
/* May something be said `seconds` after the start? At most five times a second on a terminal; the
 * end is always said there. */
bool pare_progress_is_due(pare_progress *p, double seconds, bool is_end);
/* "name: 12.5 %, 1.2e+03 points/s, 1:33 left"; `done_before` of `done` were there at the start. */
void pare_progress_text(const char *name, const char *unit, double seconds, uint64_t done_before,
                        uint64_t done, uint64_t total, pare_buf *out);
/* Write a line, over the last one on a terminal; `is_end` leaves it there. */
void pare_progress_say(const pare_progress *p, const char *line, bool is_end);
/* 93 s as 1:33. */
void pare_buf_duration(pare_buf *b, double seconds);

/* ---- YAML ------------------------------------------------------------------------------------ */

/* A parsed file: mappings, sequences and scalars with their places. Refused while parsing, each
 * with its place: duplicate keys, aliases, tags, several documents, anything but UTF-8, nesting
 * beyond 16, more than a million nodes, files over 16 MiB. */
typedef struct pare_yaml pare_yaml;

typedef enum pare_key_type {
    PARE_KEY_U32,   /* uint32_t, min..max */
    PARE_KEY_U64,   /* uint64_t, min..max */
    PARE_KEY_REAL,  /* double, finite, min..max */
    PARE_KEY_BOOL,  /* bool: true or false */
    PARE_KEY_STR,   /* const char *; the default "" stays "" */
    PARE_KEY_NAME,  /* as STR, but of letters, digits and _ . / + - only, not empty */
    PARE_KEY_ENUM,  /* int: index into choices */
    PARE_KEY_PAIR,  /* uint32_t[2]; N stands for [N, N] */
    PARE_KEY_NAMES, /* pare_strs; one NAME or a list */
    PARE_KEY_MAP,   /* struct of `sub`, in place */
    PARE_KEY_MAPS,  /* pare_maps of `sub` */
    PARE_KEY_ANY,   /* whatever stands there is skipped; takes no member */
} pare_key_type;

typedef struct pare_maps {
    void *v; /* array of n structs, each sub->size bytes */
    size_t n;
} pare_maps;

typedef struct pare_schema pare_schema;

/* One key of a file kind. This table is the check, the error message, the suggestion and the
 * reference page. */
typedef struct pare_key {
    const char *name;
    pare_key_type type;
    size_t offset;              /* of the member in the struct that is filled */
    double min, max;            /* of numbers */
    const char *def;            /* default as text; NULL: the key is required */
    const char *const *choices; /* ENUM: NULL-terminated */
    const pare_schema *sub;     /* MAP, MAPS */
    const char *doc;            /* one sentence with the unit */
} pare_key;

#define PARE_NO_OFFSET ((size_t)-1)

struct pare_schema {
    const char *name; /* "network", "machine.array" */
    const char *doc;
    const pare_key *keys; /* at most 64 */
    size_t n_keys;
    size_t size;       /* of the struct */
    size_t pos_offset; /* of a pare_pos member that takes the mapping's place, or PARE_NO_OFFSET */
    size_t given_offset; /* of a uint64_t member: bit i set if key i stood in the file */
};

pare_status pare_yaml_load(const char *path, pare_yaml **out, pare_err *e) PARE_MUST_CHECK;
/* `name` stands for the file in messages. */
pare_status pare_yaml_parse(const char *name, const char *text, size_t n, pare_yaml **out,
                            pare_err *e) PARE_MUST_CHECK;
void pare_yaml_free(pare_yaml *y); /* NULL allowed */
/* The file's name as given at loading. */
const char *pare_yaml_name(const pare_yaml *y);
/* Of the file's bytes, before any override. */
uint64_t pare_yaml_hash(const pare_yaml *y);
/* Override one value: "array.rows=32" (the value is YAML). Mappings on the way are made. Call it
 * before reading; a mistake is reported at "--set array.rows=32". */
pare_status pare_yaml_set(pare_yaml *y, const char *assignment, pare_err *e) PARE_MUST_CHECK;
/* Fill *out (schema->size bytes) from the file and the defaults; strings and lists live in `a`. */
pare_status pare_yaml_read(const pare_yaml *y, const pare_schema *schema, pare_arena *a, void *out,
                           pare_err *e) PARE_MUST_CHECK;
/* Report a semantic error at the value of a key path such as "array.rows" or "layers[3].kernel";
 * falls back to the nearest enclosing value that exists. Returns `status`. */
pare_status pare_yaml_error(const pare_yaml *y, const char *path, pare_err *e, pare_status status,
                            const char *fmt, ...) PARE_PRINTF(5, 6);
/* Write a struct as YAML that reads back to the same struct; keys equal to their default are left
 * out of list items. */
void pare_schema_write(const pare_schema *schema, const void *in, pare_buf *out);
/* The reference of a file kind as Markdown tables: key, type and range, default, meaning. */
void pare_schema_doc(const pare_schema *schema, pare_buf *out);

/* ---- networks -------------------------------------------------------------------------------- */

/* type: name in files, number of inputs (0: two or more), class of its cost */
#define PARE_OPS(X)                                                                                \
    X(INPUT, "input", 0)                                                                           \
    X(CONV2D, "conv2d", 1)                                                                         \
    X(FC, "fc", 1)                                                                                 \
    X(MATMUL, "matmul", 2)                                                                         \
    X(MAXPOOL, "maxpool", 1)                                                                       \
    X(AVGPOOL, "avgpool", 1)                                                                       \
    X(GLOBAL_AVGPOOL, "global_avgpool", 1)                                                         \
    X(BATCHNORM, "batchnorm", 1)                                                                   \
    X(LAYERNORM, "layernorm", 1)                                                                   \
    X(RELU, "relu", 1)                                                                             \
    X(RELU6, "relu6", 1)                                                                           \
    X(GELU, "gelu", 1)                                                                             \
    X(SOFTMAX, "softmax", 1)                                                                       \
    X(ADD, "add", 2)                                                                               \
    X(CONCAT, "concat", 0)                                                                         \
    X(FLATTEN, "flatten", 1)                                                                       \
    X(TOKENS, "tokens", 1)                                                                         \
    X(TAKE_TOKEN, "take_token", 1)

typedef enum pare_op {
#define X(id, name, n_inputs) PARE_OP_##id,
    PARE_OPS(X)
#undef X
        PARE_N_OPS
} pare_op;

const char *pare_op_name(pare_op op);

/* Channels, height, width of one image's feature map. Tokens of a transformer are positions:
 * c = embedding width, h = tokens, w = 1. */
typedef struct pare_shape {
    uint32_t c, h, w;
} pare_shape;

uint64_t pare_shape_count(pare_shape s); /* c*h*w; the reader keeps it below 2^48 */

/* One node of the graph. `in` is the shape of its first input. */
typedef struct pare_layer {
    const char *name;
    pare_op op;
    pare_pos pos;
    const uint32_t *inputs; /* indices of the layers it reads, all smaller than its own */
    uint32_t n_inputs;
    pare_shape in, out;
    uint32_t kernel[2], stride[2], pad[2], dilation[2]; /* {vertical, horizontal} */
    uint32_t groups;                                    /* conv2d; heads of a matmul */
    bool has_bias;
    bool transpose_b; /* matmul: reduce over channels of b (Q K^T), else over its positions (A V) */
    uint64_t params;  /* trainable numbers */
    uint64_t macs;    /* multiply-accumulates for one image */
} pare_layer;

/* layers[0] is the input itself; the order is topological; the last layer is the only one that no
 * other reads. */
typedef struct pare_net {
    const char *name;
    const char *file; /* as given at loading */
    pare_layer *layers;
    uint32_t n_layers;
    uint32_t n_mac_layers;
    uint64_t params, macs; /* sums over the layers */
    uint64_t hash;         /* of the file's bytes */
    pare_arena *arena;
} pare_net;

pare_status pare_net_load(const char *path, pare_net **out, pare_err *e) PARE_MUST_CHECK;
pare_status pare_net_parse(const char *name, const char *text, size_t n, pare_net **out,
                           pare_err *e) PARE_MUST_CHECK;
/* A SCALE-Sim topology CSV: independent conv2d layers without padding; each reads an input of its
 * own, so `inputs` is empty and only MAC layers exist. Where the stride does not divide, SCALE-Sim
 * counts one more, partial window: the input is extended so that it is whole. */
pare_status pare_net_load_scalesim(const char *path, pare_net **out, pare_err *e) PARE_MUST_CHECK;
pare_status pare_net_parse_scalesim(const char *name, const char *text, size_t n, pare_net **out,
                                    pare_err *e) PARE_MUST_CHECK;
void pare_net_free(pare_net *net); /* NULL allowed */
/* Write the network as a *.net.yaml text. */
void pare_net_write(const pare_net *net, pare_buf *out);
/* Index of a layer, or -1. */
int64_t pare_net_find(const pare_net *net, const char *name);
extern const pare_schema pare_net_schema;

/* conv2d, fc and matmul: the layers that run on the array. */
bool pare_layer_is_mac(const pare_layer *l);

/* A MAC layer as a loop nest (DESIGN: N C H W K R S P Q groups). fc has h = w = p = q = r = s = 1.
 * A matmul is a grouped 1x1 conv whose second operand is `weights`: groups = heads, p = tokens. */
typedef struct pare_dims {
    uint32_t n;       /* batch */
    uint32_t c, h, w; /* input channels, height, width */
    uint32_t k, r, s; /* output channels, kernel height and width */
    uint32_t p, q;    /* output height and width */
    uint32_t groups;
    uint32_t stride[2], pad[2], dilation[2];
    uint32_t tensors; /* weight tensors whose products go into the same outputs; 0: one */
} pare_dims;

/* Dims of a MAC layer at a batch size. */
pare_dims pare_layer_dims(const pare_layer *l, uint32_t batch);
/* Weights that meet one channel of a window: kernel positions, of all tensors. */
static inline uint64_t pare_dims_positions(const pare_dims *d)
{
    return (uint64_t)d->r * d->s * (d->tensors ? d->tensors : 1);
}
uint64_t pare_dims_macs(const pare_dims *d);
uint64_t pare_dims_weights(const pare_dims *d);     /* elements of the second operand */
uint64_t pare_dims_activations(const pare_dims *d); /* elements of the input, without padding */
uint64_t pare_dims_outputs(const pare_dims *d);

/* ---- bitlengths ------------------------------------------------------------------------------ */

enum { PARE_BITS_MAX = 16 };

/* Bitlengths of one MAC layer: its weights (second operand) and its input activations. */
typedef struct pare_layer_bits {
    const char *layer;
    pare_pos pos;
    uint32_t weight_bits, act_bits; /* 1..16 */
    double weight_n, act_n;         /* learned real bitlengths; 0: none */
    bool weight_signed, act_signed; /* codes are two's complement, else unsigned affine */
    uint32_t weight_tensors;        /* that are added: each is stored and multiplied; 0: one */
    uint32_t weight_stored_bits;    /* of a weight in memory; 0: weight_bits */
    uint32_t weight_scales;         /* partial sums of an output that are scaled apart; 0: none */
    uint64_t given;
} pare_layer_bits;

typedef struct pare_bits {
    const char *network;
    const char *method; /* how they were obtained, free text */
    const char *file;   /* as given at loading; NULL: none */
    pare_layer_bits *layers;
    size_t n_layers;
    uint64_t hash;
    pare_arena *arena;
} pare_bits;

/* Read a *.bits.yaml, or .json/.csv with bitlengths that may be real and are rounded up. CSV needs
 * the columns layer, weight_bits, act_bits and may have others, which are not read. With a network
 * the entries are checked against it and put in the order of its MAC layers: every one must be
 * there.
 */
pare_status pare_bits_load(const char *path, const pare_net *net, pare_bits **out,
                           pare_err *e) PARE_MUST_CHECK;
pare_status pare_bits_parse(const char *name, const char *text, size_t n, const pare_net *net,
                            pare_bits **out, pare_err *e) PARE_MUST_CHECK;
/* "8" or "w4a6": the same for every MAC layer. */
pare_status pare_bits_uniform(const char *spec, const pare_net *net, pare_bits **out,
                              pare_err *e) PARE_MUST_CHECK;
/* A file if one of this name exists, else a uniform specification. */
pare_status pare_bits_get(const char *spec_or_path, const pare_net *net, pare_bits **out,
                          pare_err *e) PARE_MUST_CHECK;
void pare_bits_free(pare_bits *b); /* NULL allowed */
/* Write as *.bits.yaml, as JSON {"layer": {"w_bits": 3.4, "a_bits": 5.1}} and as CSV. JSON has the
 * real bitlengths where they are known and nothing of the rest. */
void pare_bits_write(const pare_bits *b, pare_buf *out);
void pare_bits_write_json(const pare_bits *b, pare_buf *out);
void pare_bits_write_csv(const pare_bits *b, pare_buf *out);
extern const pare_schema pare_bits_schema;

/* ---- tensors --------------------------------------------------------------------------------- */

typedef enum pare_dtype { PARE_F32, PARE_I8, PARE_U8, PARE_I16, PARE_U16, PARE_I32 } pare_dtype;

enum { PARE_TENSOR_DIMS_MAX = 8 };

/* A dense array in C order. */
typedef struct pare_tensor {
    pare_dtype dtype;
    uint32_t n_dims;
    size_t dims[PARE_TENSOR_DIMS_MAX];
    size_t count; /* product of dims */
    void *data;   /* malloc'd; count * pare_dtype_bytes() */
} pare_tensor;

size_t pare_dtype_bytes(pare_dtype t);
/* Allocate zeroed data; a size that overflows or is not to be had is PARE_EFAIL. */
pare_status pare_tensor_new(pare_dtype t, uint32_t n_dims, const size_t *dims, pare_tensor *out,
                            pare_err *e) PARE_MUST_CHECK;
void pare_tensor_free(pare_tensor *t); /* frees the data, not the struct; zeroed and NULL allowed */

/* PARE_EINPUT if an f32 tensor holds a NaN or an infinity; `name` stands for its file. */
pare_status pare_tensor_check_finite(const char *name, const pare_tensor *t,
                                     pare_err *e) PARE_MUST_CHECK;

/* NumPy's .npy, versions 1.0 and 2.0, little endian, C order, at least one element. f32 may hold
 * NaN: ask pare_tensor_check_finite where it matters. */
pare_status pare_npy_load(const char *path, pare_tensor *out, pare_err *e) PARE_MUST_CHECK;
pare_status pare_npy_parse(const char *name, const void *bytes, size_t n, pare_tensor *out,
                           pare_err *e) PARE_MUST_CHECK;
pare_status pare_npy_save(const char *path, const pare_tensor *t, pare_err *e) PARE_MUST_CHECK;

/* IDX (the MNIST family), plain or gzip: unsigned bytes only. dims come from the header. */
pare_status pare_idx_load(const char *path, pare_tensor *out, pare_err *e) PARE_MUST_CHECK;
pare_status pare_idx_parse(const char *name, const void *bytes, size_t n, pare_tensor *out,
                           pare_err *e) PARE_MUST_CHECK;

/* ---- tables ---------------------------------------------------------------------------------- */

/* The first lines of a result file: `# program version, git commit`, then one `# key: value` each.
 */
void pare_provenance(pare_buf *out, const char *program, const char *const *keys_values,
                     size_t n_pairs);

/* A CSV file: `#` lines are comments, the first other line names the columns, fields may be
 * quoted. All cells are text; every row has as many as the header. */
typedef struct pare_csv {
    const char *name;
    pare_strs columns;
    const char **cells; /* row-major */
    size_t n_rows;
    uint32_t header_line;
    uint32_t *lines;        /* line number of each row */
    uint32_t *cell_columns; /* where each cell begins in its line, 1-based */
    pare_arena *arena;
} pare_csv;

pare_status pare_csv_load(const char *path, pare_csv **out, pare_err *e) PARE_MUST_CHECK;
pare_status pare_csv_parse(const char *name, const char *text, size_t n, pare_csv **out,
                           pare_err *e) PARE_MUST_CHECK;
void pare_csv_free(pare_csv *c);                          /* NULL allowed */
int pare_csv_column(const pare_csv *c, const char *name); /* index, or -1 */
const char *pare_csv_cell(const pare_csv *c, size_t row, int column);
/* Where a cell stands in the file. */
pare_pos pare_csv_pos(const pare_csv *c, size_t row, int column);
/* A finite number in min..max, else an error that names the place. */
pare_status pare_csv_real(const pare_csv *c, size_t row, int column, double min, double max,
                          double *out, pare_err *e) PARE_MUST_CHECK;

/* ---- requantization (requant.c) -------------------------------------------------------------- */

/* From the integer sum of a layer to the code that the next one reads, without a float:
 * t = rint(sum * 2^8 / 2^prescale_shift) + bias, code = rint(t * scale / 2^postscale_shift), ties
 * to even. The triple is that of Settle et al. 2018 (arXiv 1805.07941); the eight more bits, the
 * bias, the sign of the scale and the ties are those of the RTL's requantiser (docs/rtl.md), which
 * gives the same code while prescale_shift is at most 8. */
typedef struct pare_requant {
    uint32_t prescale_shift, postscale_shift;
    int32_t scale, bias;
} pare_requant;

/* A sum is smaller. */
#define PARE_REQUANT_SUM_END ((int64_t)1 << 31)

/* The nearest to multiplier * sum + offset, in codes; |scale| has at most scale_bits (2 to 23)
 * bits. The sum is kept whole unless the multiplier is below 2^-31, or offset and multiplier are
 * so far apart that the bias would not fit. */
pare_requant pare_requant_of(double multiplier, double offset, uint32_t scale_bits);
int64_t pare_requantize(int64_t sum, const pare_requant *r);
/* Do shifts and scale keep every product within 64 bits? */
bool pare_requant_is_valid(const pare_requant *r);

#ifdef __cplusplus
}
#endif
#endif
