// answers.h - the answers given, logged under their ids so that events can quote them.
//
// Off the way of the answer: a copy waits for the database.  Where so many wait that the disk cannot
// follow, answers go unlogged and are counted.
#ifndef SERVE_ANSWERS_H
#define SERVE_ANSWERS_H
#include "serve/service.h"

// Copies all of it, and logs it soon.
void answers_log(service *s, const db_answer *a);

#endif
