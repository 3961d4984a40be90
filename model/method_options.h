/* method_options.h (private): the keys of single methods. */
#ifndef PARE_MODEL_METHOD_OPTIONS_H
#define PARE_MODEL_METHOD_OPTIONS_H
#include "model/model.h"

extern const pare_schema pare_method_options_schema;
#endif
