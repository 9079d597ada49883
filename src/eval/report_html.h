// report_html.h - the tables of the report as HTML.
#ifndef EVAL_REPORT_HTML_H
#define EVAL_REPORT_HTML_H
#include "base/buffer.h"

#include <jansson.h>

void html_text(buffer *b, const char *text); // with & < > " ' escaped
void html_begin(buffer *b, const json_t *result);
void html_models(buffer *b, const json_t *result); // the best by NDCG first
void html_tables(buffer *b, const json_t *result);
// One plot: svg is gnuplot's whole output.
void html_figure(buffer *b, const char *svg, const char *caption);
void html_end(buffer *b);

#endif
