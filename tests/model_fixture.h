/* model_fixture.h: synthetic images and graphs for the tests of model/. */
#ifndef MODEL_FIXTURE_H
#define MODEL_FIXTURE_H
#include "model/graph.h"

/* n random images of a shape with random labels; free with pare_dataset_free. */
static inline pare_dataset *fixture_data(size_t n, pare_shape shape, uint32_t n_classes,
                                         uint64_t seed)
{
    pare_dataset *d = pare_xalloc(1, sizeof *d);
    pare_images *const splits[] = {&d->train, &d->test};
    pare_rng r = pare_rng_new(seed, 0);
    const size_t count = (size_t)pare_shape_count(shape);
    d->kind = "synthetic";
    d->shape = shape;
    d->n_classes = n_classes;
    for (int s = 0; s < 2; s++) {
        splits[s]->n = n;
        splits[s]->pixels = pare_xalloc(n, count);
        splits[s]->labels = pare_xalloc(n, sizeof(uint16_t));
        for (size_t i = 0; i < n * count; i++)
            splits[s]->pixels[i] = (uint8_t)pare_rng_below(&r, 256);
        for (size_t i = 0; i < n; i++)
            splits[s]->labels[i] = (uint16_t)pare_rng_below(&r, n_classes);
    }
    for (size_t j = 0; j < shape.c; j++) {
        d->mean[j] = 127.5f;
        d->inv_std[j] = 1.0f / 73.9f;
    }
    return d;
}

static inline const pare_method *fixture_method(const char *name)
{
    for (size_t i = 0; i < pare_n_methods; i++)
        if (pare_methods[i].name[0] == name[0] && pare_methods[i].name[1] == name[1])
            return &pare_methods[i];
    return NULL;
}
#endif
