/* yaml_tree.h: the parsed form of a YAML file, shared by yaml.c, schema.c and bits_json.c only. */
#ifndef PARE_YAML_TREE_H
#define PARE_YAML_TREE_H
#include "traces/trace.h"

typedef enum pare_node_kind { PARE_NODE_SCALAR, PARE_NODE_LIST, PARE_NODE_MAP } pare_node_kind;

typedef struct pare_node {
    pare_node_kind kind;
    const char *file; /* where messages say it stands: the file, or "--set key=value" */
    pare_pos pos;
    const char *text; /* scalar */
    bool is_quoted;
    size_t n, capacity; /* list items or map entries */
    struct pare_node **items;
    const char **keys; /* map */
    pare_pos *key_pos;
} pare_node;

struct pare_yaml {
    pare_arena *arena;
    const char *name;
    pare_node *root;
    uint64_t hash;
};

/* Index of a key in a map, or -1. */
int64_t pare_node_find(const pare_node *map, const char *key);

/* pare_yaml_read for one mapping in the tree; `path` is what messages call it. */
pare_status pare_node_read(const pare_node *node, const char *path, const pare_schema *schema,
                           pare_arena *a, void *out, pare_err *e) PARE_MUST_CHECK;

#endif
