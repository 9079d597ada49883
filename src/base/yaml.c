// yaml.c - flat YAML config files, by libyaml.
#include "base/yaml.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { YAML_LIST_MAX = 1024 };

static habit_status parse_failed(const yaml_parser_t *p, const char *path, habit_error *err)
{
    if (p->error == YAML_MEMORY_ERROR) return fail_memory(err, path, 0);
    return fail(err, HABIT_EFORMAT, "%s:%zu:%zu: %s", path, p->problem_mark.line + 1,
                p->problem_mark.column + 1, p->problem ? p->problem : "not YAML");
}

// The values after a name: one scalar or a flat list.  Strings belong to doc.
static habit_status node_values(yaml_document_t *doc, const yaml_node_t *node, const char *path,
                                const char **values, size_t *n, habit_error *err)
{
    *n = 0;
    if (node->type == YAML_SCALAR_NODE) {
        values[(*n)++] = (const char *)node->data.scalar.value;
        return HABIT_OK;
    }
    const size_t line = node->start_mark.line + 1;
    if (node->type != YAML_SEQUENCE_NODE)
        return fail(err, HABIT_EFORMAT, "%s:%zu: expected a value or a list", path, line);
    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++) {
        const yaml_node_t *item = yaml_document_get_node(doc, *i);
        if (!item || item->type != YAML_SCALAR_NODE || *n == YAML_LIST_MAX)
            return fail(err, HABIT_EFORMAT, "%s:%zu: expected a list of up to %d plain values",
                        path, line, YAML_LIST_MAX);
        values[(*n)++] = (const char *)item->data.scalar.value;
    }
    return HABIT_OK;
}

static habit_status read_document(yaml_document_t *doc, const char *path, yaml_fn *fn, void *ctx,
                                  habit_error *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(doc);
    if (!root) return HABIT_OK; // an empty file sets nothing
    if (root->type != YAML_MAPPING_NODE)
        return fail(err, HABIT_EFORMAT, "%s:1: expected lines of `name: value`", path);
    const char **values = NEW(const char *, YAML_LIST_MAX);
    if (!values) return fail_memory(err, path, YAML_LIST_MAX * sizeof *values);

    habit_status st = HABIT_OK;
    for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
         st == HABIT_OK && p < root->data.mapping.pairs.top; p++) {
        const yaml_node_t *name = yaml_document_get_node(doc, p->key);
        const yaml_node_t *value = yaml_document_get_node(doc, p->value);
        if (!name || !value || name->type != YAML_SCALAR_NODE) {
            st = fail(err, HABIT_EFORMAT, "%s: a name is not plain text", path);
            break;
        }
        size_t n;
        st = node_values(doc, value, path, values, &n, err);
        if (st == HABIT_OK)
            st = fn(ctx, (const char *)name->data.scalar.value, values, n,
                    name->start_mark.line + 1, err);
    }
    mem_free(values);
    return st;
}

habit_status yaml_read(const char *path, yaml_fn *fn, void *ctx, habit_error *err)
{
    FILE *f = fopen(path, "rbe");
    if (!f) return fail_io(err, "open", path);
    yaml_parser_t parser;
    yaml_document_t doc;
    habit_status st;
    if (!yaml_parser_initialize(&parser)) {
        fclose(f);
        return fail_memory(err, path, 0);
    }
    yaml_parser_set_input_file(&parser, f);
    if (!yaml_parser_load(&parser, &doc)) {
        st = parse_failed(&parser, path, err);
    } else {
        st = read_document(&doc, path, fn, ctx, err);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    fclose(f);
    return st;
}
