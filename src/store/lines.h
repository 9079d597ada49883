// lines.h - what a store has, as JSON: the members of an object, without its braces.
//
//     {"kind":"user","user":"u1","fields":{"age":33}}
//     {"kind":"item","item":"i1","categories":["book"],"fields":null,"hidden":false,"time":null}
//     {"kind":"event","user":"u1","item":"i1","behaviour":"view","time":"2024-05-01T12:00:00Z"}
//     {"kind":"answer","recommendation_id":"0f3c","user":"u1","model":"9f3c","source":"model",
//      "time":"2024-05-01T12:00:00Z","items":["i9","i7"]}
//
// Members that there are not are left out, or null.
#ifndef STORE_LINES_H
#define STORE_LINES_H
#include "base/buffer.h"
#include "store/db.h"

void lines_text(buffer *to, db_text t);    // a JSON string; null if there is none
void lines_time(buffer *to, int64_t time); // ISO-8601 as a JSON string; null for TIME_NONE
void lines_user(buffer *to, const db_user *u);
void lines_item(buffer *to, const db_item *i);
void lines_event(buffer *to, const db_event *e, bool with_user);
void lines_answer(buffer *to, const db_answer *a);

// Everything, a line each, to a file that appears whole or not at all; others may read and write.
habit_status lines_export(const char *store, const char *file, db_counts *count, habit_error *err);

#endif
