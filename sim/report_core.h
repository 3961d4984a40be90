/* report_core.h: what the files of the report share; not for anyone else. */
#ifndef PARE_REPORT_CORE_H
#define PARE_REPORT_CORE_H
#include "sim/questions.h"

/* Members of a JSON object or array, with the comma before them where one is needed. */
void sim_json_key(pare_buf *b, const char *name);
void sim_json_text(pare_buf *b, const char *name, const char *value);
void sim_json_real(pare_buf *b, const char *name, double value);
/* Little-endian bytes in base64, as a JSON string. */
void sim_json_bytes(pare_buf *b, const char *name, const void *bytes, size_t n);

/* The member "points": every point of a store, column by column (report_points.c). */
pare_status sim_report_points(pare_store *store, pare_buf *b, pare_err *e) PARE_MUST_CHECK;

#endif
