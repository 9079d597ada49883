// store_verbs.c - habit_backup(), habit_restore(), habit_store_lines(): a service's store as a file.
#include "base/json.h"
#include "store/lines.h"

habit_status habit_backup(const char *store, const char *file, habit_error *err)
{
    return db_backup_file(store, file, err);
}

habit_status habit_restore(const char *file, const char *store, habit_error *err)
{
    return db_restore_file(file, store, err);
}

habit_status habit_store_lines(const char *store, const char *file, char **report, habit_error *err)
{
    db_counts n = { 0 };
    TRY(lines_export(store, file, &n, err));
    json_t *o = json_pack("{s:I, s:I, s:I, s:I}", "users", (json_int_t)n.users, "items",
                          (json_int_t)n.items, "events", (json_int_t)n.events, "answers",
                          (json_int_t)n.answers);
    return json_hand_over(report, o, err);
}
