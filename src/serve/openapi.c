// openapi.c - the route table as an OpenAPI 3.0 document.
#include "base/memory.h"
#include "serve/routes.h"

#include <string.h>

static void quote(buffer *to, const char *text)
{
    reply_text(to, (db_text){ text, strlen(text) });
}

static void write_parameter(buffer *to, const char *name, size_t len, const char *in,
                            const char *type, const char *about, bool *any)
{
    buffer_text(to, *any ? ",{\"name\":" : "{\"name\":");
    reply_text(to, (db_text){ name, len });
    buffer_format(to, ",\"in\":\"%s\",\"required\":%s,\"schema\":{\"type\":\"%s\"}", in,
                  strcmp(in, "path") == 0 ? "true" : "false", type);
    if (about) {
        buffer_text(to, ",\"description\":");
        quote(to, about);
    }
    buffer_text(to, "}");
    *any = true;
}

static void write_parameters(buffer *to, const route *x)
{
    bool any = false;
    buffer_text(to, ",\"parameters\":[");
    for (const char *at = strchr(x->path, '{'); at; at = strchr(at + 1, '{'))
        write_parameter(to, at + 1, strcspn(at + 1, "}"), "path", "string", NULL, &any);
    for (int i = 0; i < ROUTE_PARAMS && x->param[i].name; i++)
        write_parameter(to, x->param[i].name, strlen(x->param[i].name), "query", x->param[i].type,
                        x->param[i].about, &any);
    buffer_text(to, "]");
}

static void write_content(buffer *to, const char *example)
{
    buffer_format(to, "\"content\":{\"application/json\":{\"schema\":{},\"example\":%s}}", example);
}

static void write_operation(buffer *to, const route *x)
{
    buffer_text(to, "\"");
    for (const char *m = x->method; *m; m++) buffer_format(to, "%c", *m | 32);
    buffer_text(to, "\":{\"summary\":");
    quote(to, x->summary);
    write_parameters(to, x);
    if (x->body) {
        buffer_text(to, ",\"requestBody\":{");
        write_content(to, x->body);
        buffer_text(to, "}");
    }
    if (x->flags & ROUTE_OPEN) buffer_text(to, ",\"security\":[]");
    buffer_text(to, ",\"responses\":{\"200\":{\"description\":\"ok\"");
    if (x->answer) {
        buffer_text(to, ",");
        write_content(to, x->answer);
    }
    buffer_text(to, "},\"default\":{\"description\":\"an error\",\"content\":{\"application/json\":"
                    "{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}");
}

// True if an earlier row has the same path.
static bool seen_before(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(route_at(k)->path, route_at(i)->path) == 0) return true;
    return false;
}

void openapi_write(buffer *to)
{
    buffer_format(to,
                  "{\"openapi\":\"3.0.3\",\"info\":{\"title\":\"habit\",\"version\":\"%s\","
                  "\"description\":\"What people do next.\"},\"security\":[{\"bearer\":[]},"
                  "{\"key\":[]}],\"paths\":{",
                  habit_version());
    for (size_t i = 0; route_at(i); i++) {
        if (seen_before(i)) continue;
        if (i) buffer_text(to, ",");
        quote(to, route_at(i)->path);
        buffer_text(to, ":{");
        bool any = false;
        for (size_t k = i; route_at(k); k++) {
            if (strcmp(route_at(k)->path, route_at(i)->path) != 0) continue;
            if (any) buffer_text(to, ",");
            write_operation(to, route_at(k));
            any = true;
        }
        buffer_text(to, "}");
    }
    buffer_text(
        to, "},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":"
            "\"bearer\"},\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}},"
            "\"schemas\":{\"Error\":{\"type\":\"object\",\"properties\":{\"error\":{\"type\":"
            "\"object\",\"properties\":{\"code\":{\"type\":\"integer\"},\"type\":{\"type\":"
            "\"string\"},\"message\":{\"type\":\"string\"}}}}}}}}\n");
}
