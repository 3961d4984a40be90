/* model.h: a network as arithmetic, and the trainer. The one public header of model/. */
#ifndef PARE_MODEL_H
#define PARE_MODEL_H
#include "traces/trace.h"
#endif
